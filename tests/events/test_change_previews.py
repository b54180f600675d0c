"""How many people a change of an event would be told, before it is made."""

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, messages, problem
from tests.events.test_holds import let_lapse
from tests.events.waitlist import change, join

MakeUser = Callable[..., User]


async def preview(user: User, event: Json, body: Json, **headers: str) -> httpx.Response:
    return await user.post(f"/events/{event['id']}/changes/preview", body, **headers)


async def with_guests(app: FastAPI, published: Publish, user: MakeUser) -> Json:
    """Two who booked (one of them twice), one who holds, one whose hold has lapsed, one who waits."""
    event = await published(capacity=5)
    twice = user()
    for someone in (twice, twice, user()):
        await someone.book(event)
    await user().book(event, hold=True)
    lapsed = (await user().book(event, hold=True)).json()
    await join(user(), event, 2)
    await let_lapse(app, lapsed)
    return event


async def test_the_preview_counts_whom_the_change_tells(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish
) -> None:
    event = await with_guests(app, published, user)
    url = f"/events/{event['id']}"
    body = {"venue": "New hall", "title": "Other", "city": event["city"]}
    answer = await preview(organizer, event, body)
    assert answer.status_code == 200
    assert answer.json() == {"changed": ["title", "venue"], "guests": 3}
    assert (await organizer.get(url)).json()["version"] == event["version"]
    assert await messages(app, event["id"], "event-changed") == []
    await organizer.patch(url, body)
    assert len(await messages(app, event["id"], "event-changed")) == 3


async def test_a_cancellation_is_counted_with_those_who_wait(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish
) -> None:
    event = await with_guests(app, published, user)
    url = f"/events/{event['id']}/cancel"
    answer = await organizer.post(f"{url}/preview")
    counted = answer.json()
    assert counted["changed"] == ["status"]
    assert (await organizer.get(f"/events/{event['id']}")).json()["status"] == "published"
    assert await messages(app, event["id"], "event-cancelled") == []
    await organizer.post(url)
    assert len(await messages(app, event["id"], "event-cancelled")) == counted["guests"]
    assert (await organizer.post(f"{url}/preview")).json() == {"changed": [], "guests": 0}


async def test_what_tells_nobody_counts_nobody(
    organizer: User, user: MakeUser, published: Publish
) -> None:
    event = await published()
    await user().book(event)
    draft = (await organizer.post("/events", event_body())).json()
    for of, body, changed in (
        (event, {"title": "Other"}, ["title"]),
        (event, {"venue": event["venue"]}, []),
        (event, {}, []),
        (event, {"capacity": 30}, []),
        (draft, {"venue": "New hall"}, ["venue"]),
    ):
        answer = await preview(organizer, of, body)
        assert answer.json() == {"changed": changed, "guests": 0}, body


async def test_a_preview_refuses_what_the_change_refuses(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish
) -> None:
    event = await published()
    ends_at = datetime.fromisoformat(event["starts_at"]) - timedelta(hours=1)
    bodies: list[Json] = [
        {"ends_at": ends_at.isoformat()},
        {"seating": {}},
        {"title": ""},
        {"capacity": None},
    ]
    for body in bodies:
        refused = await preview(organizer, event, body)
        assert problem(refused) == (422, "invalid-request"), body
    stale = await preview(organizer, event, {"title": "x"}, If_Match='"1-x"')
    assert problem(stale) == (412, "version-mismatch")
    await change(
        app,
        "UPDATE event SET starts_at = now() - interval '3 h', ends_at = now() - interval '1 h'"
        " WHERE id = :id",
        id=event["id"],
    )
    assert problem(await preview(organizer, event, {"venue": "x"})) == (422, "invalid-request")
    over = await organizer.post(f"/events/{event['id']}/cancel/preview")
    assert problem(over) == (422, "invalid-request")
    other = await published()
    await organizer.post(f"/events/{other['id']}/cancel")
    assert problem(await preview(organizer, other, {"venue": "x"})) == (409, "event-cancelled")


@pytest.mark.parametrize("path", ["changes/preview", "cancel/preview"])
async def test_previews_are_for_the_organizer_and_superusers(
    organizer: User, user: MakeUser, anybody: httpx.AsyncClient, published: Publish, path: str
) -> None:
    event, draft = await published(), (await organizer.post("/events", event_body())).json()
    url = f"/events/{event['id']}/{path}"
    assert problem(await user().post(url, {})) == (403, "forbidden")
    assert problem(await user().post(f"/events/{draft['id']}/{path}", {})) == (404, "not-found")
    assert problem(await anybody.post(url, json={})) == (401, "not-authenticated")
    assert (await user(superuser=True).post(url, {})).status_code == 200
