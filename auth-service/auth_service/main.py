"""The application of auth-service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from auth_service.accounts import admin_router, own_router
from auth_service.accounts import router as registration_router
from auth_service.accounts.hashing import Hasher
from auth_service.accounts.passwords import common_passwords
from auth_service.clients import router as clients_router
from auth_service.clients.local import LocalServiceClient
from auth_service.erasures.organizers import Organizers
from auth_service.keys import router as keys_router
from auth_service.keys.ring import KeyRing
from auth_service.keys.tokens import TokenIssuer
from auth_service.mails import router as links_router
from auth_service.models import OutboxMessage
from auth_service.sessions import browser_router
from auth_service.sessions import own_router as own_sessions_router
from auth_service.sessions import router as sessions_router
from auth_service.sessions.passwords import PasswordChecks
from auth_service.sessions.verifier import SessionVerifier
from auth_service.settings import Settings
from service_kit.messaging.outbox_gauge import watch_outbox
from service_kit.settings import load_settings
from service_kit.web.app import create_service
from service_kit.web.server import freeze_gc

ROUTERS = (
    registration_router, sessions_router, browser_router, clients_router, links_router,
    # /users/me comes before /users/{user_id}
    own_sessions_router, own_router, admin_router, keys_router,
)


def create_app(settings: Settings) -> FastAPI:
    return create_service(
        "auth-service",
        settings,
        title="Parterre auth-service",
        description="Accounts, sign-in and the keys that every service trusts.",
        routers=[module.router for module in ROUTERS],
        lifespan=lifespan,
    )


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings, database = app.state.settings, app.state.database
    ring = KeyRing(database, settings)
    app.state.key_ring = ring
    app.state.token_issuer = TokenIssuer(ring, settings)
    app.state.organizers = Organizers(
        LocalServiceClient(settings, app.state.http, app.state.token_issuer),
        settings.event_service_url,
    )
    app.state.token_verifier = SessionVerifier(ring, database, settings)
    app.state.hasher = Hasher(settings)
    # Reading it takes as long as some requests; the first that wants it would hold up the others.
    await asyncio.to_thread(common_passwords)
    app.state.password_checks = PasswordChecks(database, app.state.hasher, settings)
    async with watch_outbox(app.state, OutboxMessage):
        yield
    await ring.close()
    app.state.hasher.close()


def app() -> FastAPI:
    """For uvicorn: ``auth_service.main:app`` as a factory."""
    return freeze_gc(create_app(load_settings(Settings)))
