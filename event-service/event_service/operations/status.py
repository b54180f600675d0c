"""Asks each service for its readiness and its gauges, which the gateway shows to nobody."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Literal

import httpx
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from event_service.settings import Settings
from service_kit.database.errors import DATABASE_ERRORS
from service_kit.metrics import expose

ASK_SECONDS = 2.0
# Gauges without labels that say how much waits, or for how long. The others are for Prometheus.
MEASURES = (
    "outbox_oldest_unpublished_seconds",
    "organizer_messages_oldest_unwritten_seconds",
    "notifications_unsent",
    "notifications_held_back",
    "notifications_failed",
    "notifications_oldest_unsent_seconds",
    "notifications_queue_length",
)
_SAMPLE = re.compile(r"^([a-z_]+) (\S+)$", re.MULTILINE)

State = Literal["ready", "not-ready", "unreachable"]


class ServiceStatus(BaseModel):
    name: str = Field(description="Such as auth-service.")
    state: State
    missing: list[str] = Field(description="What a service that is not ready lacks.")
    milliseconds: int = Field(description="How long it took to answer.")
    measures: dict[str, float] = Field(
        description="Its gauges of what waits, as it names them for Prometheus. A queue length of -1 is"
        " an unknown one."
    )


class SystemStatus(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "services": [
                        {
                            "name": "auth-service",
                            "state": "ready",
                            "missing": [],
                            "milliseconds": 4,
                            "measures": {"outbox_oldest_unpublished_seconds": 0.0},
                        }
                    ],
                    "links": {"flower": "/ops/flower/", "event-service": "/docs"},
                }
            ]
        }
    )

    services: list[ServiceStatus]
    links: dict[str, str] = Field(
        description="Flower, and the API documentation of each service that a browser reaches."
    )


async def read_status(app: FastAPI) -> SystemStatus:
    settings: Settings = app.state.settings
    http: httpx.AsyncClient = app.state.http
    services = await asyncio.gather(
        _ask("auth-service", settings.auth_service_url, http),
        _look_at_oneself(app),
        _ask("notification-service", settings.notification_service_url, http),
    )
    return SystemStatus(services=list(services), links=links_for(settings))


def links_for(settings: Settings) -> dict[str, str]:
    """Behind a gateway the page's origin has the documentation of event-service only."""
    links = {
        "flower": (
            f"{settings.flower_public_url}/" if settings.flower_public_url else "/ops/flower/"
        ),
        "event-service": "/docs",
    }
    if settings.auth_public_url:
        links["auth-service"] = f"{settings.auth_public_url}/docs"
    if settings.notification_public_url:
        links["notification-service"] = f"{settings.notification_public_url}/docs"
    return links


async def _ask(name: str, url: str, http: httpx.AsyncClient) -> ServiceStatus:
    since = time.monotonic()
    state: State = "unreachable"
    missing: list[str] = []
    measures: dict[str, float] = {}
    try:
        async with asyncio.timeout(ASK_SECONDS):
            ready, metrics = await asyncio.gather(
                http.get(f"{url}/health/ready"), http.get(f"{url}/metrics")
            )
        state = "ready" if ready.status_code == 200 else "not-ready"
        missing = _missing(ready)
        measures = read_measures(metrics.text) if metrics.status_code == 200 else {}
    except (httpx.HTTPError, TimeoutError):
        pass
    return ServiceStatus(
        name=name,
        state=state,
        missing=missing,
        milliseconds=_milliseconds(since),
        measures=measures,
    )


async def _look_at_oneself(app: FastAPI) -> ServiceStatus:
    since = time.monotonic()
    missing = []
    try:
        async with asyncio.timeout(ASK_SECONDS):
            await app.state.database.ping()
    except DATABASE_ERRORS:
        missing = ["postgresql"]
    metrics = await asyncio.to_thread(expose, app.state.metrics)
    return ServiceStatus(
        name="event-service",
        state="not-ready" if missing else "ready",
        missing=missing,
        milliseconds=_milliseconds(since),
        measures=read_measures(metrics.decode()),
    )


def read_measures(metrics: str) -> dict[str, float]:
    """The values of MEASURES in the text format of Prometheus."""
    samples: Mapping[str, str] = dict(_SAMPLE.findall(metrics))
    return {name: float(samples[name]) for name in MEASURES if name in samples}


def _missing(ready: httpx.Response) -> list[str]:
    try:
        document = ready.json()
        return [str(part) for part in document.get("missing", [])]
    except (ValueError, AttributeError, TypeError):
        # Something in between has answered.
        return []


def _milliseconds(since: float) -> int:
    return round((time.monotonic() - since) * 1000)
