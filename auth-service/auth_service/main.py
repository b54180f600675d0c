"""The application of auth-service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from auth_service.accounts.admin_router import router as administration
from auth_service.accounts.own_router import router as own_account
from auth_service.accounts.router import router as registration
from auth_service.clients.local import LocalServiceClient
from auth_service.clients.router import router as clients
from auth_service.erasures.organizers import OrganizerClient
from auth_service.identity.hashing import Hasher
from auth_service.identity.passwords import common_passwords
from auth_service.keys.ring import KeyRing
from auth_service.keys.router import router as keys
from auth_service.keys.tokens import TokenIssuer
from auth_service.mails.router import router as links
from auth_service.metrics import OF_API
from auth_service.models import OutboxMessage
from auth_service.own_data.router import router as own_data
from auth_service.sessions.browser_router import router as browser_sessions
from auth_service.sessions.own_router import router as own_sessions
from auth_service.sessions.passwords import PasswordChecks
from auth_service.sessions.router import router as sessions
from auth_service.sessions.verifier import SessionVerifier
from auth_service.settings import Settings
from service_kit.messaging.outbox_gauge import watch_outbox
from service_kit.settings import load_settings
from service_kit.web.app import create_service
from service_kit.web.server import freeze_gc

ROUTERS = [
    registration,
    sessions,
    browser_sessions,
    clients,
    links,
    # /users/me before /users/{user_id}
    own_data,
    own_sessions,
    own_account,
    administration,
    keys,
]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    database = app.state.database
    ring = KeyRing(database, settings)
    hasher = Hasher(settings)
    app.state.key_ring = ring
    app.state.token_issuer = TokenIssuer(ring, settings)
    app.state.token_verifier = SessionVerifier(ring, database, settings)
    app.state.organizers = OrganizerClient(
        LocalServiceClient(settings, app.state.http, app.state.token_issuer),
        settings.event_service_url,
    )
    app.state.hasher = hasher
    app.state.password_checks = PasswordChecks(database, hasher, settings)
    # Loaded now: later it would delay the first request that needs it, and all others.
    await asyncio.to_thread(common_passwords)
    try:
        async with watch_outbox(app.state, OutboxMessage):
            yield
    finally:
        await ring.close()
        hasher.close()


def create_app(settings: Settings) -> FastAPI:
    return create_service(
        "auth-service",
        settings,
        title="Parterre auth-service",
        description="Accounts, sign-in and the keys that every service trusts.",
        routers=ROUTERS,
        lifespan=lifespan,
        own_metrics=OF_API,
    )


def app() -> FastAPI:
    """For uvicorn: ``auth_service.main:app`` as a factory."""
    return freeze_gc(create_app(load_settings(Settings)))
