"""Every route that event-service publishes is limited, and asks for a token unless it is named here."""

import re
from collections.abc import Iterator

import httpx
import pytest

from event_service.main import create_app
from event_service.settings import Settings
from tests.events.conftest import problem, running

PUBLIC = {
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/events/facets"),
    ("GET", "/api/v1/events/{event_id}"),
    ("GET", "/api/v1/events/{event_id}/availability"),
    # A draft is not found.
    ("GET", "/api/v1/events/{event_id}/calendar.ics"),
    ("GET", "/api/v1/events/{event_id}/seats"),
    ("GET", "/api/v1/events/{event_id}/seats/plan"),
    ("GET", "/api/v1/events/{event_id}/seats/states"),
    # An image of a draft is not found.
    ("GET", "/api/v1/events/{event_id}/image/{file_name}"),
    ("GET", "/api/v1/privacy"),
    # What is one's own asks for a token in the answer itself.
    ("POST", "/api/v1/graphql"),
    # The page to try queries, in development.
    ("GET", "/api/v1/graphql"),
}
KNOWN = {
    ("POST", "/api/v1/bookings"),
    ("POST", "/api/v1/bookings/{booking_id}/cancel"),
    ("PATCH", "/api/v1/events/{event_id}"),
}


def routes(settings: Settings) -> Iterator[tuple[str, str]]:
    for path, operations in create_app(settings).openapi()["paths"].items():
        for method in operations:
            yield method.upper(), path


@pytest.fixture
def published_routes(settings: Settings) -> set[tuple[str, str]]:
    found = set(routes(settings))
    # An enumeration that finds nothing would find nothing wrong.
    assert found >= PUBLIC | KNOWN
    return found


def address(path: str, number: int) -> str:
    """The path with ids of its own each time, so that no limit can count by them."""
    value = f"01a20a02-22cb-71d7-8ae8-{number:012x}"
    return re.sub(r"\{[^}]+\}", value, path)


async def test_without_a_token_only_public_routes_answer(
    settings: Settings, published_routes: set[tuple[str, str]]
) -> None:
    async with (
        running(settings) as app,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client,
    ):
        for method, path in sorted(published_routes):
            answer = await client.request(method, address(path, 1))
            is_refused = answer.status_code == 401
            assert is_refused == ((method, path) not in PUBLIC), (method, path, answer.text)


async def test_every_route_has_a_limit(
    settings: Settings, published_routes: set[tuple[str, str]], redis_url: str
) -> None:
    limits = {n: "2/hour" for n in Settings.model_fields if n.endswith("_rate_limit")}
    limited = settings.model_copy(update={"rate_limit_enabled": True, **limits})
    transport_address = ("192.0.2.77", 7777)
    async with (
        running(limited) as app,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=transport_address),
            base_url="http://localhost",
        ) as client,
    ):
        for method, path in sorted(published_routes):
            for number in range(2):
                answer = await client.request(method, address(path, number))
                assert answer.status_code != 429, (method, path)
            refused = await client.request(method, address(path, 3))
            assert problem(refused) == (429, "rate-limited"), (method, path)
