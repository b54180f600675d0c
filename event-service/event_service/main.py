"""The application of event-service."""

from fastapi import FastAPI

from event_service.settings import Settings
from service_kit.app import create_service
from service_kit.settings import load_settings


def create_app(settings: Settings) -> FastAPI:
    return create_service(
        "event-service",
        settings,
        title="Parterre event-service",
        description="Events, seats and bookings.",
        routers=[],
    )


def app() -> FastAPI:
    """For uvicorn: ``event_service.main:app`` as a factory."""
    return create_app(load_settings(Settings))
