"""The application that each service starts from."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import sentry_sdk
import structlog
from fastapi import FastAPI, Request
from fastapi.routing import APIRouter
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics import MetricWrapperBase
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service_kit import metrics
from service_kit.database.engine import Database
from service_kit.observability.logs import configure_logging
from service_kit.problems import Problem
from service_kit.sentry import configure_sentry
from service_kit.settings import ServiceSettings
from service_kit.web import docs
from service_kit.web.bodies import Arrivals, LargeBody
from service_kit.web.error_handlers import add_handlers, publish_problems
from service_kit.web.methods import SpelledOutPaths, methods_and_paths
from service_kit.web.middleware import LoadShedding, RequestContext, RequestMetrics
from service_kit.web.rate_limits import RateLimits
from service_kit.web.shutdown import Shutdown, ShuttingDown, drain, linger
from service_kit.web.tokens import KeySet, TokenVerifier, fetch_keys_from

log = structlog.get_logger()

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

CORS_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Event-Version",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-CSRF-Token",
    "X-Request-ID",
)
CORS_RESPONSE_HEADERS = (
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
)
READINESS_SECONDS = 2.0
OUTGOING_TIMEOUT_SECONDS = 5.0


def create_service(
    name: str,
    settings: ServiceSettings,
    *,
    title: str,
    description: str,
    routers: Sequence[APIRouter],
    lifespan: Lifespan | None = None,
    large_bodies: Sequence[LargeBody] = (),
    own_metrics: Sequence[MetricWrapperBase] = (),
) -> FastAPI:
    """A FastAPI application with everything that the services have in common. ``own_metrics`` are those
    that only this service has.

    ``app.state`` holds ``settings``, ``database``, ``http`` (a client for other services),
    ``token_verifier``, ``erased_users``, ``rate_limits``, ``arrivals`` (of bodies), ``metrics`` (a
    registry) and ``shutdown``.
    """
    configure_logging(name, settings.log_level)
    configure_sentry(name, settings)
    app = FastAPI(
        title=title,
        description=description,
        version="0.1.0",
        lifespan=_lifespan(name, lifespan),
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        # An address is right or unknown; a redirect would be an answer that nobody documents.
        redirect_slashes=False,
        # Sentry and Prometheus are told; to ask at each request whether OpenTelemetry wants to be
        # costs a fiftieth of a list.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.settings = settings
    app.state.metrics = CollectorRegistry()
    metrics.register(app.state.metrics, (*metrics.OF_APIS, *own_metrics))
    app.state.shutdown = Shutdown()
    # Set by ``watch_erasures`` in services that are told of erased accounts.
    app.state.erased_users = frozenset()
    app.state.rate_limits = RateLimits(settings)
    app.state.arrivals = Arrivals(
        seconds=settings.request_body_seconds,
        max_body_bytes=settings.max_body_bytes,
        max_requests=settings.max_arriving_requests,
        max_bytes=settings.max_arriving_bytes,
    )
    for router in (*routers, docs.router):
        app.include_router(router)
    _add_operations(app)
    app.router.routes.insert(0, SpelledOutPaths(app.routes))
    _add_middleware(app, settings, large_bodies)
    add_handlers(app)
    publish_problems(app)
    return app


def _lifespan(name: str, inner: Lifespan | None) -> Lifespan:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        settings: ServiceSettings = app.state.settings
        app.state.database = Database(settings, application_name=name)
        app.state.http = httpx.AsyncClient(timeout=OUTGOING_TIMEOUT_SECONDS)
        app.state.token_verifier = TokenVerifier(
            KeySet(
                fetch_keys_from(settings.auth_service_url, app.state.http),
                outage_seconds=settings.access_token_seconds + 2 * settings.token_leeway_seconds,
            ),
            issuer=settings.token_issuer,
            leeway_seconds=settings.token_leeway_seconds,
            lifetime_seconds=settings.access_token_seconds,
        )
        try:
            with drain(app.state.shutdown, drain_seconds=settings.drain_seconds):
                if inner is None:
                    yield
                else:
                    async with inner(app):
                        yield
        finally:
            await app.state.http.aclose()
            await app.state.database.close()
            await linger(app.state.shutdown)

    return run


def _add_operations(app: FastAPI) -> None:
    """Health for orchestrators and metrics for Prometheus; neither is part of the public API."""

    @app.get("/health/live", include_in_schema=False)
    async def live() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/health/ready", include_in_schema=False)
    async def ready(request: Request) -> Response:
        if request.app.state.shutdown.has_begun:
            raise ShuttingDown
        # Nothing else: what a process can do without would take all of them out of service at once.
        if not await _passes(request.app.state.database.ping):
            raise NotReady(missing=["postgresql"])
        return JSONResponse({"status": "ok"})

    @app.get("/metrics", include_in_schema=False)
    async def show_metrics(request: Request) -> Response:
        # Outside production anybody may look; there the gateway does not pass the path on.
        request.app.state.database.measure_pool()
        # In a thread: of several processes there are files to read.
        content = await asyncio.to_thread(metrics.expose, request.app.state.metrics)
        return Response(content, media_type=CONTENT_TYPE_LATEST)


class NotReady(Problem):
    code, status, title = "not-ready", 503, "A dependency is missing."

    def __init__(self, *, missing: list[str]) -> None:
        super().__init__(f"Missing: {', '.join(missing)}.", headers={"Retry-After": "1"})
        self.members = {"missing": missing}


async def _passes(check: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(READINESS_SECONDS):
            await check()
    except Exception as error:
        log.warning("readiness.failed", exc_info=error)
        return False
    return True


def _add_middleware(
    app: FastAPI, settings: ServiceSettings, large_bodies: Sequence[LargeBody]
) -> None:
    """The last one added is the first to see a request."""
    app.add_middleware(
        LoadShedding,
        allowed_hosts=settings.allowed_hosts,
        arrivals=app.state.arrivals,
        max_concurrent_requests=settings.max_concurrent_requests,
        capture=sentry_sdk.capture_exception,
        large_bodies=large_bodies,
    )
    if settings.cors_origins:
        # Around the gate, which answers crashes too: a page elsewhere can read that it was sent away,
        # that something broke, and when to come again.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials=True,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=CORS_REQUEST_HEADERS,
            expose_headers=CORS_RESPONSE_HEADERS,
        )
    metrics_of_requests = RequestMetrics(app.state.metrics)
    metrics_of_requests.expect(methods_and_paths(app.routes))
    app.add_middleware(
        RequestContext,
        metrics=metrics_of_requests,
        shutdown=app.state.shutdown,
    )
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))
