"""The demo against fake services: what it sends is checked by event-service's schemas."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from auth_service.identity.passwords import weakness
from event_service.events.schemas import EventCreate
from stack import demo
from stack.demo import ACCOUNTS, ADMIN, BOOKINGS, GUEST, ORGANIZER, PASSWORD
from stack.demo_events import EVENTS, DemoEvent
from tests.stack.demo_run import Run


def test_an_empty_system_gets_accounts_events_and_bookings(run: Run) -> None:
    assert run.fill() == list(ACCOUNTS)

    services = run.services
    assert set(services.accounts) == {account.email for account in ACCOUNTS}
    assert all(account["is_verified"] for account in services.accounts.values())
    superusers = {name for name, one in services.accounts.items() if one["is_superuser"]}
    assert superusers == {ADMIN.email}
    assert services.accounts[GUEST.email]["locale"] == "ru"
    assert [event["title"] for event in services.events] == [event.title for event in EVENTS]
    drafts = {event["title"] for event in services.events if event["status"] == "draft"}
    assert drafts == {event.title for event in EVENTS if not event.is_published}
    assert {event["organizer"] for event in services.events} == {ORGANIZER.email}
    assert {booking["guest"] for booking in services.bookings} == {GUEST.email}
    assert len(services.bookings) == len(BOOKINGS)
    assert run.said == [f"Added 3 accounts, {len(EVENTS)} events and {len(BOOKINGS)} bookings."]


def test_a_second_run_adds_nothing_with_few_requests(run: Run) -> None:
    run.fill()
    before = json.dumps([run.services.events, run.services.bookings, run.services.accounts])
    run.services.requests.clear()
    run.said.clear()

    assert run.fill() == list(ACCOUNTS)

    assert json.dumps([run.services.events, run.services.bookings, run.services.accounts]) == before
    assert run.said == []
    assert len(run.services.requests) < 15
    assert {one for one in run.services.requests if one.startswith("POST")} == {
        "POST /auth/register",
        "POST /auth/login",
    }


def test_what_an_interrupted_run_left_out_is_added(run: Run) -> None:
    run.fill()
    services = run.services
    for account in services.accounts.values():
        account |= {"is_verified": False, "is_superuser": False}
    services.events[2]["status"] = "draft"
    missing = services.events.pop()["title"]
    services.bookings.pop()

    run.fill()

    assert all(account["is_verified"] for account in services.accounts.values())
    assert services.accounts[ADMIN.email]["is_superuser"]
    assert services.events[2]["status"] == "published"
    assert services.events[-1]["title"] == missing
    assert len(services.events) == len(EVENTS)
    assert len(services.bookings) == len(BOOKINGS)


def test_a_cancelled_event_stays_cancelled_and_is_not_booked(run: Run) -> None:
    run.fill()
    title = next(iter(BOOKINGS))
    (event,) = (one for one in run.services.events if one["title"] == title)
    event["status"] = "cancelled"
    run.services.bookings.clear()

    run.fill()

    assert event["status"] == "cancelled"
    assert len(run.services.bookings) == len(BOOKINGS) - 1


def test_the_seats_of_an_assigned_event_are_chosen_side_by_side(run: Run) -> None:
    run.fill()

    events = {event["id"]: event for event in run.services.events}
    chosen = [one for one in run.services.bookings if "seat_ids" in one]
    assert chosen
    for booking in run.services.bookings:
        title = events[booking["event_id"]]["title"]
        is_assigned = events[booking["event_id"]]["seating"] == "assigned"
        assert ("seat_ids" in booking) == is_assigned
        assert BOOKINGS[title] == (len(booking["seat_ids"]) if is_assigned else booking["quantity"])


@pytest.mark.parametrize(
    ("states", "number", "seats"),
    [
        ("fffff", 1, [2]),
        ("ffffff", 2, [2, 3]),
        ("ffbff", 2, [0, 1]),
        ("ffbhf", 2, [0, 1]),
        ("bfbfb", 2, []),
        ("f", 2, []),
        ("bb/fff", 3, [10, 11, 12]),
        # an aisle, accessible and blocked seats
        ("fff_fff", 2, [1, 2]),
        ("faafxff", 2, [5, 6]),
    ],
)
def test_seats_together_are_free_and_near_the_middle(
    states: str, number: int, seats: list[int]
) -> None:
    state = {"f": "free", "b": "booked", "h": "held", "a": "free", "x": "blocked"}
    rows = [
        {
            "seats": [
                {
                    "id": str(r * 10 + n),
                    "column": n + 1,
                    "kind": "accessible" if s == "a" else "standard",
                    "state": state[s],
                }
                for n, s in enumerate(row)
                if s != "_"
            ]
        }
        for r, row in enumerate(states.split("/"))
    ]

    found = demo.seats_together({"sections": [{"rows": rows}]}, number)

    assert found == [str(seat) for seat in seats]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.title)
def test_an_event_starts_ahead_at_its_hour_in_its_own_zone(event: DemoEvent) -> None:
    body = EventCreate.model_validate(demo.request_body(event))

    starts_at = body.starts_at.astimezone(ZoneInfo(event.timezone))
    ahead = body.starts_at - datetime.now(UTC)
    assert body.timezone == event.timezone
    assert (starts_at.hour, starts_at.minute) == (event.hour, 0)
    assert timedelta(days=1) < ahead < timedelta(days=200)
    assert body.ends_at > body.starts_at


def test_the_events_are_varied() -> None:
    assert len({event.title for event in EVENTS}) == len(EVENTS) >= 12
    assert len({event.timezone for event in EVENTS}) >= 5
    assert {"EUR", "RUB", "GBP"} <= {event.currency for event in EVENTS}
    assert {event.seating["kind"] for event in EVENTS} == {"general", "assigned"}
    assert any(event.price == 0 for event in EVENTS)
    assert sum(not event.is_published for event in EVENTS) == 1
    published = {event.title for event in EVENTS if event.is_published}
    assert set(BOOKINGS) <= published


def test_the_password_is_one_that_auth_service_takes() -> None:
    assert [weakness(PASSWORD, account.email) for account in ACCOUNTS] == [None] * len(ACCOUNTS)
    assert weakness("organizer-1", ORGANIZER.email)
