"""The application of auth-service."""

from fastapi import FastAPI

from auth_service.settings import Settings
from service_kit.app import create_service
from service_kit.settings import load_settings


def create_app(settings: Settings) -> FastAPI:
    return create_service(
        "auth-service",
        settings,
        title="Parterre auth-service",
        description="Accounts, sign-in and the keys that every service trusts.",
        routers=[],
    )


def app() -> FastAPI:
    """For uvicorn: ``auth_service.main:app`` as a factory."""
    return create_app(load_settings(Settings))
