"""What superusers do with events of everybody, and what they see of the services."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI

from event_service import maintenance
from event_service.operations.status import links_for, read_measures
from event_service.settings import Settings
from service_kit.ids import new_id
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, messages, problem

ALL = "/events/all"
STATUS = "/operations/status"


async def ids(root: User, query: str) -> list[str]:
    answer = await root.get(f"{ALL}?{query}")
    assert answer.status_code == 200, answer.text
    return [event["id"] for event in answer.json()["items"]]


async def test_superusers_find_events_of_everybody_in_every_status(
    user: Callable[..., User], organizer: User, published: Publish
) -> None:
    root, word = user(superuser=True), f"Zither{new_id().hex[:8]}"
    draft = (await organizer.post("/events", event_body(title=f"{word} draft"))).json()
    cancelled = await published(title=f"{word} off")
    await organizer.post(f"/events/{cancelled['id']}/cancel")
    listed = await published(title=f"{word} on")

    assert await ids(root, f"q={word}") == [listed["id"], cancelled["id"], draft["id"]]
    assert await ids(root, f"q={word}&status=draft") == [draft["id"]]
    assert await ids(root, f"q={draft['id']}") == [draft["id"]]
    assert await ids(root, f"q={word}&organizer={organizer.id}&status=cancelled") == [
        cancelled["id"]
    ]
    assert await ids(root, f"organizer={new_id()}") == []
    assert await ids(root, "q=%20-%20") == []


async def test_the_pages_hold_everything_once(
    user: Callable[..., User], organizer: User, published: Publish
) -> None:
    root = user(superuser=True)
    made = [(await published())["id"] for _ in range(3)][::-1]
    first = (await root.get(f"{ALL}?organizer={organizer.id}&limit=2")).json()
    cursor = first["next_cursor"]
    rest = await ids(root, f"organizer={organizer.id}&limit=2&cursor={cursor}")
    assert [item["id"] for item in first["items"]] + rest == made


async def test_nobody_else_does(
    user: Callable[..., User], organizer: User, anybody: httpx.AsyncClient
) -> None:
    for path in (ALL, STATUS):
        assert problem(await anybody.get(path)) == (401, "not-authenticated")
        for someone in (user(), organizer):
            assert problem(await someone.get(path)) == (403, "forbidden")


async def test_a_superuser_sees_a_draft_with_its_seats(
    user: Callable[..., User], organizer: User
) -> None:
    draft = (await organizer.post("/events", event_body())).json()
    url = f"/events/{draft['id']}"
    for someone, status in ((user(superuser=True), 200), (organizer, 200), (user(), 404)):
        for path in (url, f"{url}/availability", f"{url}/seats"):
            assert (await someone.get(path)).status_code == status, path


async def test_what_superusers_change_of_others_is_in_the_log(
    user: Callable[..., User], organizer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = structlog.testing.CapturingLogger()
    monkeypatch.setattr("event_service.events.administration.log", lines)
    root = user(superuser=True)
    draft = (await organizer.post("/events", event_body())).json()
    url = f"/events/{draft['id']}"
    assert (await root.patch(url, {"title": "Another"})).status_code == 200
    assert (await root.post(f"{url}/publish")).status_code == 200
    assert (await organizer.patch(url, {"title": "Mine"})).status_code == 200
    assert (await root.post(f"{url}/cancel")).status_code == 200
    assert [call.args[0] for call in lines.calls] == [
        "event.changed_by_superuser", "event.published_by_superuser", "event.cancelled_by_superuser",
    ]  # fmt: skip
    told = {"event_id": draft["id"], "by": str(root.id)}
    assert all(call.kwargs == told for call in lines.calls)


async def test_superusers_write_to_the_guests_of_any_event_and_others_do_not(
    app: FastAPI, user: Callable[..., User], published: Publish, guest: User
) -> None:
    event = await published(capacity=5)
    assert (await guest.book(event)).status_code == 201
    url, letter = f"/events/{event['id']}/messages", {"subject": "Doors", "body": "At six."}
    assert problem(await user().post(url, letter)) == (403, "forbidden")
    root = user(superuser=True)
    preview = await root.post(f"{url}?preview=true", letter)
    assert (preview.status_code, preview.json()["guests"]) == (200, 1)
    sent = await root.post(url, letter)
    assert (sent.status_code, sent.json()) == (202, {"guests": 1})
    while await maintenance.send_organizer_messages(app.state.database):
        pass
    assert len(await messages(app, event["id"], "organizer-message")) == 1


@contextmanager
def answered_by(app: FastAPI, answer: Callable[[httpx.Request], httpx.Response]) -> Iterator[None]:
    """The other services, as they answer to event-service."""
    real = app.state.http
    app.state.http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    yield
    app.state.http = real


def services(answer: httpx.Response) -> dict[str, Json]:
    assert answer.status_code == 200, answer.text
    return {service["name"]: service for service in answer.json()["services"]}


async def test_superusers_see_how_the_services_are(app: FastAPI, user: Callable[..., User]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.test":
            if request.url.path == "/metrics":
                return httpx.Response(503)
            return httpx.Response(503, json={"missing": ["postgresql"]})
        if request.url.path == "/health/ready":
            return httpx.Response(200, json={"status": "ok"})
        return httpx.Response(200, text="# HELP x\nnotifications_failed 3.0\nsecret_gauge 1.0\n")

    with answered_by(app, answer):
        found = services(await user(superuser=True).get(STATUS))

    assert found["auth-service"]["state"] == "not-ready"
    assert found["auth-service"]["missing"] == ["postgresql"]
    assert found["event-service"]["state"] == "ready"
    assert "outbox_oldest_unpublished_seconds" in found["event-service"]["measures"]
    assert found["notification-service"]["state"] == "ready"
    assert found["notification-service"]["measures"] == {"notifications_failed": 3.0}


@pytest.mark.parametrize("odd", ["no JSON", "[]", '{"missing": 7}'])
async def test_a_service_that_is_away_or_speaks_oddly_is_shown_as_that(
    app: FastAPI, user: Callable[..., User], odd: str
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.test":
            raise httpx.ConnectError("refused")
        return httpx.Response(502, text=odd)

    with answered_by(app, answer):
        found = services(await user(superuser=True).get(STATUS))

    assert found["auth-service"]["state"] == "unreachable"
    assert found["notification-service"]["state"] == "not-ready"
    assert found["notification-service"]["missing"] == []


def test_labels_and_other_gauges_are_left_out() -> None:
    metrics = 'notifications_unsent 2.0\nnotifications_failed{x="y"} 1.0\nhttp_requests_total 7.0\n'
    assert read_measures(metrics) == {"notifications_unsent": 2.0}


async def test_links_lead_where_a_browser_gets(app: FastAPI, user: Callable[..., User]) -> None:
    def with_settings(**changes: Any) -> Settings:
        settings: Settings = app.state.settings
        return settings.model_copy(update=changes)

    assert links_for(with_settings()) == {"flower": "/ops/flower/", "event-service": "/docs"}
    elsewhere = with_settings(
        flower_public_url="http://localhost:5555", auth_public_url="http://localhost:8001"
    )
    assert links_for(elsewhere) == {
        "flower": "http://localhost:5555/",
        "event-service": "/docs",
        "auth-service": "http://localhost:8001/docs",
    }
