"""What an event may be, who may change it, and how many seats drafts may have."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service import maintenance
from event_service.events.drafts import check_draft_seats
from event_service.settings import Settings
from service_kit.money import CURRENCY_DIGITS
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, messages, problem, sections

MakeUser = Callable[..., User]
NO_PLACES = [
    "localtime", "Factory", "posixrules", "Etc/UTC", "Etc/GMT+5", "Etc/Unknown", "GMT", "EST",
    "EST5EDT", "CET", "Zulu", "UCT", "SystemV/EST5EDT", "posix/Europe/Berlin", "right/UTC", "utc",
    "Europe", "Europe/", "Europe/berlin", "Europe/../UTC", "",
]  # fmt: skip
NO_CURRENCIES = ["ABC", "ZZZ", "XXX", "XTS", "XAU", "eur", "EURO", "EU", "DEM", "HRK", "", "ЕUR"]


@pytest.mark.parametrize("timezone", NO_PLACES)
async def test_a_time_zone_is_a_place(organizer: User, timezone: str) -> None:
    answer = await organizer.post("/events", event_body(timezone=timezone))
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["errors"][0]["field"] == "timezone"


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Kiev", "Asia/Calcutta", "Arctic/Longyearbyen"])
async def test_utc_and_former_names_of_places_are_taken(organizer: User, timezone: str) -> None:
    answer = await organizer.post("/events", event_body(timezone=timezone))
    assert (answer.status_code, answer.json()["timezone"]) == (201, timezone)


@pytest.mark.parametrize("currency", NO_CURRENCIES)
async def test_a_currency_is_an_active_code(organizer: User, currency: str) -> None:
    event = (await organizer.post("/events", event_body())).json()
    for answer in (
        await organizer.post("/events", event_body(currency=currency)),
        await organizer.patch(f"/events/{event['id']}", {"currency": currency}),
    ):
        assert problem(answer) == (422, "invalid-request")
        assert answer.json()["errors"][0]["field"] == "currency"


async def test_an_event_says_how_its_amounts_are_written(
    anybody: httpx.AsyncClient, published: Publish
) -> None:
    for currency, digits in (("HUF", 2), ("JPY", 0), ("KWD", 3), ("EUR", 2)):
        event = await published(currency=currency, city=f"In {currency}")
        assert event["currency_digits"] == digits == CURRENCY_DIGITS[currency]
        [listed] = (await anybody.get("/events", params={"city": event["city"]})).json()["items"]
        query = (
            f'{{ event(id: "{event["id"]}") {{ currencyDigits }}'
            f' events(city: "{event["city"]}") {{ items {{ currencyDigits }} }} }}'
        )
        data = (await anybody.post("/graphql", json={"query": query})).json()["data"]
        assert listed["currency_digits"] == digits
        assert data["event"] == {"currencyDigits": digits}
        assert data["events"]["items"] == [{"currencyDigits": digits}]


async def test_what_was_stored_before_stays_readable_and_can_be_changed(
    app: FastAPI, organizer: User, published: Publish
) -> None:
    event = await published()
    async with app.state.database.transaction() as session:
        await session.execute(
            text("UPDATE event SET currency = 'ABC', timezone = 'Etc/GMT-3' WHERE id = :id"),
            {"id": event["id"]},
        )
    renamed = await organizer.patch(f"/events/{event['id']}", {"title": "Spring concert"})
    assert renamed.status_code == 200, renamed.text
    assert (renamed.json()["currency"], renamed.json()["currency_digits"]) == ("ABC", 2)
    assert renamed.json()["timezone"] == "Etc/GMT-3"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"seating": {"kind": "general", "capacity": 5}}, "seating"),
        ({"sections": None}, "sections"),
        ({"capacity": None}, "capacity"),
        ({"titel": "Spring concert"}, "titel"),
        ({"title": "Spring concert", "status": "cancelled"}, "status"),
        ({"title": "Spring concert", "organizer_id": "x"}, "organizer_id"),
        ({"title": "Spring concert", "currency_digits": 0}, "currency_digits"),
        ({"version": 7}, "version"),
    ],
)
async def test_what_a_change_does_not_take_is_refused_and_nothing_changed(
    organizer: User, published: Publish, body: Json, field: str
) -> None:
    event = await published()
    answer = await organizer.patch(f"/events/{event['id']}", body)
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["errors"][0]["field"] == field
    assert (await organizer.get(f"/events/{event['id']}")).json() == event


async def test_a_name_that_is_not_taken_cancels_and_sends_nothing(
    app: FastAPI, organizer: User, guest: User, published: Publish
) -> None:
    event = await published()
    await guest.book(event)
    cancelled = await organizer.post(f"/events/{event['id']}/cancel", {"reasons": "Ill"})
    letter = {"subject": "Doors", "body": "At six.", "preview": True}
    sent = await organizer.post(f"/events/{event['id']}/messages", letter)
    for answer in (cancelled, sent):
        assert problem(answer) == (422, "invalid-request")
    while await maintenance.send_organizer_messages(app.state.database):
        pass
    assert await messages(app, event["id"], "organizer-message") == []
    assert (await guest.get(f"/events/{event['id']}")).json()["status"] == "published"


async def test_what_changes_nothing_raises_no_version(organizer: User, published: Publish) -> None:
    plan = sections(("A", "1", 3), ("B", "1", 2))
    assigned = await published(seating={"kind": "assigned", "sections": plan})
    general = await published(capacity=20)
    same = {"title": general["title"], "starts_at": general["starts_at"], "sales_end": None}
    for event, body in (
        (general, {}), (general, same), (general, {"capacity": 20}), (assigned, {"sections": plan}),
    ):  # fmt: skip
        answer = await organizer.patch(f"/events/{event['id']}", body)
        assert (answer.status_code, answer.json()) == (200, event)
    for turned in (plan[::-1], [plan[0] | {"price": 7}, plan[1]], plan[:1], plan):
        answer = await organizer.patch(f"/events/{assigned['id']}", {"sections": turned})
        assert answer.json()["version"] == assigned["version"] + 1
        assigned = answer.json()


async def test_what_has_ended_is_neither_created_nor_published(organizer: User) -> None:
    now = datetime.now(UTC)
    over = {
        "starts_at": (now - timedelta(hours=3)).isoformat(),
        "ends_at": (now - timedelta(seconds=1)).isoformat(),
    }
    running = over | {"ends_at": (now + timedelta(hours=1)).isoformat()}
    refused = await organizer.post("/events", event_body(**over))
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["field"] == "ends_at"
    draft = (await organizer.post("/events", event_body(**running))).json()
    assert (await organizer.patch(f"/events/{draft['id']}", over)).status_code == 200
    published = await organizer.post(f"/events/{draft['id']}/publish")
    assert problem(published) == (422, "invalid-request")
    assert (await organizer.get(f"/events/{draft['id']}")).json()["status"] == "draft"


@pytest.fixture
def few_draft_seats(app: FastAPI, settings: Settings) -> Iterator[int]:
    app.state.settings = settings.model_copy(update={"max_draft_seats": 100})
    yield 100
    app.state.settings = settings


def general(capacity: int) -> Json:
    return event_body(seating={"kind": "general", "capacity": capacity})


async def test_drafts_have_so_many_seats_together(
    organizer: User, user: MakeUser, few_draft_seats: int
) -> None:
    drafts = [(await organizer.post("/events", general(50))).json() for _ in range(2)]
    url = f"/events/{drafts[0]['id']}"
    refused = await organizer.post("/events", general(1))
    assert problem(refused) == (409, "too-many-draft-seats")
    assert refused.json()["max_seats"] == 100
    assert problem(await organizer.patch(url, {"capacity": 51})) == (409, "too-many-draft-seats")
    assert (await organizer.patch(url, {"capacity": 49})).status_code == 200
    assert (await organizer.patch(url, {"capacity": 50})).status_code == 200
    assert (await user().post("/events", general(100))).status_code == 201
    # What is published counts no more, and may grow.
    assert (await organizer.post(f"{url}/publish")).status_code == 200
    assert (await organizer.patch(url, {"capacity": 500})).status_code == 200
    plan = {"kind": "assigned", "sections": sections(("A", "1", 50))}
    assigned = (await organizer.post("/events", event_body(seating=plan))).json()
    larger = {"sections": sections(("A", "1", 51))}
    assert problem(await organizer.patch(f"/events/{assigned['id']}", larger)) == (
        409, "too-many-draft-seats",
    )  # fmt: skip


class EverybodysTurn(dict[UUID, asyncio.Lock]):
    """As if each request came to a process of its own."""

    def setdefault(self, key: UUID, default: asyncio.Lock | None = None) -> asyncio.Lock:
        return asyncio.Lock()


@pytest.fixture
def everybodys_turn(app: FastAPI) -> Iterator[None]:
    locks, app.state.write_locks = app.state.write_locks, EverybodysTurn()
    yield
    app.state.write_locks = locks


@pytest.mark.usefixtures("everybodys_turn")
async def test_of_drafts_made_at_once_no_more_are_stored(
    app: FastAPI, organizer: User, few_draft_seats: int
) -> None:
    own = [(await organizer.post("/events", general(1))).json() for _ in range(4)]
    answers = await asyncio.gather(
        *(organizer.post("/events", general(20)) for _ in range(8)),
        *(organizer.patch(f"/events/{one['id']}", {"capacity": 21}) for one in own),
    )
    assert {answer.status_code for answer in answers} == {200, 201, 409} or sum(
        answer.is_success for answer in answers
    ) == 4
    async with app.state.database.transaction() as session:
        stored = await session.scalar(
            text("SELECT sum(capacity) FROM event WHERE organizer_id = :id"), {"id": organizer.id}
        )
    assert 80 < stored <= 100


@pytest.mark.usefixtures("everybodys_turn")
async def test_control_without_a_lock_drafts_made_at_once_pass_the_limit(
    app: FastAPI, organizer: User, few_draft_seats: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_have_looked = asyncio.Barrier(2)

    async def no_lock(session: Any, user_id: Any) -> None:
        await session.execute(text("SELECT 1"))

    async def look_and_wait(*arguments: Any, **options: Any) -> None:
        await check_draft_seats(*arguments, **options)
        async with asyncio.timeout(30):
            await both_have_looked.wait()

    assert (await organizer.post("/events", general(80))).status_code == 201
    monkeypatch.setattr("event_service.events.service.lock_drafts", no_lock)
    monkeypatch.setattr("event_service.events.service.check_draft_seats", look_and_wait)
    answers = await asyncio.gather(*(organizer.post("/events", general(20)) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [201, 201]


async def test_a_superuser_changes_publishes_and_cancels_what_nobody_else_can(
    app: FastAPI, organizer: User, user: MakeUser, guest: User
) -> None:
    root, stranger = user(superuser=True), user()
    draft = (await organizer.post("/events", event_body())).json()
    url = f"/events/{draft['id']}"
    assert problem(await stranger.patch(url, {"title": "Mine"})) == (404, "not-found")
    assert (await root.get(url)).status_code == 200
    assert (await root.patch(url, {"title": "Spring concert"})).json()["title"] == "Spring concert"
    assert (await root.post(f"{url}/publish")).json()["status"] == "published"
    await guest.book(draft)
    assert problem(await stranger.post(f"{url}/cancel")) == (403, "forbidden")
    ended = await root.post(f"{url}/cancel", {"reason": "Its organizer is gone."})
    assert (ended.status_code, ended.json()["status"]) == (200, "cancelled")
    assert ended.json()["organizer_id"] == str(organizer.id)
    [told] = await messages(app, draft["id"], "event-cancelled")
    assert told["user_id"] == str(guest.id)


@pytest.mark.parametrize("title", ["\u200b\u200b", "\u2800", "\u3164 \u00a0", "\u034f"])
async def test_a_title_can_be_seen(organizer: User, title: str) -> None:
    for field in ("title", "venue", "city"):
        answer = await organizer.post("/events", event_body(**{field: title}))
        assert problem(answer) == (422, "invalid-request")
    named = [{"name": title, "rows": [{"name": "1", "seats": 1}]}]
    plan = {"kind": "assigned", "sections": named}
    assert (await organizer.post("/events", event_body(seating=plan))).status_code == 422


@pytest.mark.parametrize("title", ["מופע חורף", "حفل الشتاء 2026", "می‌خواهم", "हिन्दी"])
async def test_a_title_in_any_script_is_kept(organizer: User, title: str) -> None:
    event = (await organizer.post("/events", event_body(title=title))).json()
    assert event["title"] == title
