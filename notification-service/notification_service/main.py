"""The application of notification-service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from notification_service.health import watch_mails
from notification_service.messages.erasures import router as erasures
from notification_service.messages.failures_router import router as failures
from notification_service.messages.router import router as messages
from notification_service.models import ErasedUser
from notification_service.own_data.router import router as own_data
from notification_service.preferences.router import router as preferences
from notification_service.previews.router import router as templates
from notification_service.rendering.renderer import EmailRenderer
from notification_service.settings import Settings
from service_kit.settings import load_settings
from service_kit.web.app import create_service
from service_kit.web.erasures import watch_erasures
from service_kit.web.server import freeze_gc

# The fixed paths before /notifications/{notification_id}.
ROUTERS = [preferences, templates, erasures, failures, own_data, messages]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with watch_mails(app.state), watch_erasures(app.state, ErasedUser):
        yield


def create_app(settings: Settings) -> FastAPI:
    app = create_service(
        "notification-service",
        settings,
        title="Parterre notification-service",
        description="The mails that tell people what happened, and where each of them is.",
        routers=ROUTERS,
        lifespan=lifespan,
    )
    app.state.email_renderer = EmailRenderer(
        settings.public_url, api_url=settings.notification_public_url
    )
    return app


def app() -> FastAPI:
    """For uvicorn: ``notification_service.main:app`` as a factory."""
    return freeze_gc(create_app(load_settings(Settings)))
