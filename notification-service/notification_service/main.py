"""The application of notification-service."""

from fastapi import FastAPI

from notification_service.settings import Settings
from service_kit.app import create_service
from service_kit.settings import load_settings


def create_app(settings: Settings) -> FastAPI:
    return create_service(
        "notification-service",
        settings,
        title="Parterre notification-service",
        description="The mails that tell people what happened, and where each of them is.",
        routers=[],
    )


def app() -> FastAPI:
    """For uvicorn: ``notification_service.main:app`` as a factory."""
    return create_app(load_settings(Settings))
