"""An event that is not listed: in no list and no search, and open to whoever has its id."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service.smoke.checks import where_it_stands
from event_service.smoke.client import host_header
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User

WORD = "Xylophonabend"
CITY = "Xylophonstadt"


async def hide(app: FastAPI, event: Json) -> None:
    async with app.state.database.transaction() as session:
        await session.execute(
            text("UPDATE event SET is_listed = false WHERE id = :id"), {"id": event["id"]}
        )


@pytest.fixture
async def pair(app: FastAPI, organizer: User, published: Publish) -> tuple[Json, Json]:
    """A listed event, and one that is alike and hidden."""
    hidden = (await organizer.post("/events", event_body(title=WORD, city=CITY))).json()
    await hide(app, hidden)
    assert (await organizer.post(f"/events/{hidden['id']}/publish")).status_code == 200
    return await published(title=WORD, city=CITY), hidden


async def test_no_list_has_it(
    anybody: httpx.AsyncClient, organizer: User, pair: tuple[Json, Json]
) -> None:
    listed, hidden = pair
    for query in (
        {"organizer": str(organizer.id)},
        {"q": WORD},
        {"q": WORD, "sort": "starts_at"},
        {"q": "Xylophonabent"},
        {"organizer": str(organizer.id), "city": CITY, "sort": "-created_at"},
    ):
        answer = await anybody.get("/events", params=query | {"limit": 100})
        ids = [event["id"] for event in answer.json()["items"]]
        assert listed["id"] in ids and hidden["id"] not in ids, query
    facets = (await anybody.get("/events/facets")).json()["cities"]
    # Of the many cities of other tests it may not be among those that are shown.
    assert [facet["count"] for facet in facets if facet["value"] == CITY] in ([], [1])
    graphql = {"query": f'{{ events(q: "{WORD}", first: 100) {{ items {{ id }} }} }}'}
    found = (await anybody.post("/graphql", json=graphql)).json()["data"]["events"]["items"]
    assert {"id": listed["id"]} in found and {"id": hidden["id"]} not in found


async def test_whoever_has_its_id_opens_and_books_it(
    anybody: httpx.AsyncClient, organizer: User, guest: User, pair: tuple[Json, Json]
) -> None:
    _, hidden = pair
    answer = await anybody.get(f"/events/{hidden['id']}")
    assert answer.status_code == 200 and "is_listed" not in answer.json()
    assert (await guest.book(hidden)).status_code == 201
    availability = (await anybody.get(f"/events/{hidden['id']}/availability")).json()
    assert availability["booked"] == 1
    own = (await organizer.get("/events?organizer=me&limit=100")).json()["items"]
    assert hidden["id"] in [event["id"] for event in own]


async def test_nobody_hides_an_event_by_the_api(organizer: User) -> None:
    created = await organizer.post("/events", event_body(is_listed=False))
    event = created.json()
    refused = await organizer.patch(f"/events/{event['id']}", {"is_listed": False})
    assert refused.status_code == 422
    await organizer.post(f"/events/{event['id']}/publish")
    shown = await organizer.get(f"/events?organizer={organizer.id}")
    assert [found["id"] for found in shown.json()["items"]] == [event["id"]]


@pytest.mark.parametrize(
    ("url", "allowed", "expected"),
    [
        ("http://event:8000", ("localhost", "event"), None),
        ("http://EVENT:8000", ("localhost", "event"), None),
        ("http://parterre_event_run_1:8000", ("localhost", "event"), "localhost"),
        ("http://172.18.0.7:8000", ("tickets.example.com",), "tickets.example.com"),
        ("http://172.18.0.7:8000", ("*",), None),
    ],
)
def test_a_candidate_is_asked_by_a_name_that_it_serves(
    url: str, allowed: tuple[str, ...], expected: str | None
) -> None:
    assert host_header(url, allowed) == expected


def test_a_mail_that_was_not_sent_is_explained() -> None:
    assert "event-relay" in where_it_stands(None)
    mail: Json = {"status": "queued", "attempts": 2, "last_error": None, "timeline": []}
    mail["timeline"] = [{"note": None}, {"note": "the mail server is away"}]
    assert where_it_stands(mail) == (
        "mail: the booking's mail is queued (after 2 attempts): the mail server is away"
    )
    refused = mail | {"status": "failed", "attempts": 0, "last_error": "no such mailbox"}
    assert where_it_stands(refused) == (
        "mail: the booking's mail is failed (not yet tried): no such mailbox"
    )
