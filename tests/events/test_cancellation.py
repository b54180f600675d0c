"""Until when a guest may cancel, and what was used at the door may not be sold again."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from event_service.bookings import cancel
from event_service.bookings.sql import statements
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, messages, problem, sections
from tests.events.mutants.rewriting import rewritten
from tests.events.waitlist import MakeUser, change, rows


def moment(**ahead: float) -> str:
    return (datetime.now(UTC).replace(microsecond=0) + timedelta(**ahead)).isoformat()


async def begin(app: FastAPI, event: Json, *, hours_ago: float) -> None:
    """The event, of two hours, began then."""
    await change(
        app,
        "UPDATE event SET starts_at = now() - CAST(:ago AS interval), ends_at = now()"
        " - CAST(:ago AS interval) + interval '2 hours' WHERE id = :id",
        ago=timedelta(hours=hours_ago),
        id=event["id"],
    )


def check_ins(event: Json) -> str:
    return f"/events/{event['id']}/check-ins"


def codes(booking: Json) -> list[str]:
    return [seat["ticket_code"] for seat in booking["seats"]]


async def let_in(organizer: User, event: Json, code: str) -> None:
    answer = await organizer.post(check_ins(event), {"ticket_code": code})
    assert answer.status_code == 200


async def test_who_was_let_in_cannot_cancel_until_that_is_undone(
    app: FastAPI, organizer: User, guest: User, published: Publish, user: MakeUser
) -> None:
    event = await published(capacity=2)
    booking = (await guest.book(event, 2)).json()
    url = f"/bookings/{booking['id']}/cancel"
    await let_in(organizer, event, codes(booking)[1])
    answer = await guest.post(url)
    assert problem(answer) == (409, "checked-in")
    assert answer.json()["seat_ids"] == [booking["seats"][1]["id"]]
    shown = (await guest.get(f"/bookings/{booking['id']}")).json()
    assert shown == booking | {"can_cancel": False}
    assert problem(await user().book(event)) == (409, "sold-out")
    for code in codes(booking):
        assert (await organizer.delete(f"{check_ins(event)}/{code}")).status_code == 204
    assert (await guest.post(url)).json()["status"] == "cancelled"
    # Nobody is let in with what was cancelled, and undoing finds nothing.
    answer = await organizer.post(check_ins(event), {"ticket_code": codes(booking)[0]})
    assert problem(answer) == (404, "not-found")
    answer = await organizer.delete(f"{check_ins(event)}/{codes(booking)[0]}")
    assert problem(answer) == (404, "not-found")


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_nobody_is_let_in_between_the_look_and_the_cancellation(
    organizer: User,
    guest: User,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
    is_guarded: bool,
) -> None:
    """Without the lock on the booking somebody has been let in with a ticket that is cancelled."""
    event = await published(capacity=1)
    booking = (await guest.book(event)).json()
    entering: list[asyncio.Task[Any]] = []
    list_checked_in_seats = cancel.list_checked_in_seats

    async def look_and_wait(*arguments: Any) -> Any:
        found = await list_checked_in_seats(*arguments)
        entering.append(asyncio.create_task(enter()))
        await asyncio.wait(entering, timeout=0.5)
        return found

    async def enter() -> int:
        return (
            await organizer.post(check_ins(event), {"ticket_code": codes(booking)[0]})
        ).status_code

    monkeypatch.setattr(cancel, "list_checked_in_seats", look_and_wait)
    if not is_guarded:
        bare = rewritten(statements.lock_booking, ("FOR UPDATE", ""))
        monkeypatch.setattr(statements, "lock_booking", bare)
    answer = await guest.post(f"/bookings/{booking['id']}/cancel")
    assert answer.json()["status"] == "cancelled"
    assert await entering[0] == (404 if is_guarded else 200)


async def test_one_may_cancel_until_the_event_begins(
    app: FastAPI, guest: User, published: Publish
) -> None:
    event = await published()
    assert event["cancellation_deadline"] == event["starts_at"]
    in_time, started, over = [(await guest.book(event)).json() for _ in range(3)]
    again = await guest.post(f"/bookings/{in_time['id']}/cancel")
    assert again.status_code == 200
    await begin(app, event, hours_ago=1)
    answer = await guest.post(f"/bookings/{started['id']}/cancel")
    assert problem(answer) == (409, "cancellation-closed")
    begun = (await guest.get(f"/events/{event['id']}")).json()["starts_at"]
    said, was = (
        datetime.fromisoformat(at) for at in (answer.json()["cancellation_deadline"], begun)
    )
    assert said == was
    await begin(app, event, hours_ago=3)
    answer = await guest.post(f"/bookings/{over['id']}/cancel")
    assert problem(answer) == (409, "cancellation-closed")
    # What is cancelled already stays answered.
    late = await guest.post(f"/bookings/{in_time['id']}/cancel")
    times = {name: event[name] for name in ("starts_at", "ends_at")}
    assert late.json() | times == again.json()


async def test_an_organizer_says_until_when(
    app: FastAPI, organizer: User, guest: User, published: Publish
) -> None:
    deadline = moment(days=10)
    event = await published(cancellation_deadline=deadline)
    said = datetime.fromisoformat(event["cancellation_deadline"])
    assert said == datetime.fromisoformat(deadline)
    booking = (await guest.book(event)).json()
    url, cancel = f"/events/{event['id']}", f"/bookings/{booking['id']}/cancel"
    for past in (moment(seconds=-1), moment(days=-100)):
        changed = await organizer.patch(url, {"cancellation_deadline": past})
        assert changed.status_code == 200
        assert problem(await guest.post(cancel)) == (409, "cancellation-closed")
    changed = await organizer.patch(url, {"cancellation_deadline": None})
    assert changed.json()["cancellation_deadline"] == event["starts_at"]
    # A festival may allow it while it runs, and nobody after it.
    ends = changed.json()["ends_at"]
    changed = await organizer.patch(url, {"cancellation_deadline": ends})
    assert changed.json()["cancellation_deadline"] == ends
    await change(app, "UPDATE event SET starts_at = now() WHERE id = :id", id=event["id"])
    assert (await guest.post(cancel)).json()["status"] == "cancelled"


@pytest.mark.parametrize(
    "deadline", ["later than the end", "2027-01-01", "9999-12-31T23:59:59Z", 7]
)
async def test_a_deadline_that_makes_no_sense_is_refused(
    organizer: User, published: Publish, deadline: Any
) -> None:
    event = await published()
    if deadline == "later than the end":
        deadline = (
            datetime.fromisoformat(event["ends_at"]) + timedelta(microseconds=1)
        ).isoformat()
    body = {"cancellation_deadline": deadline}
    times = {name: event[name] for name in ("starts_at", "ends_at")}
    for answer in (
        await organizer.post("/events", event_body(**times, **body)),
        await organizer.patch(f"/events/{event['id']}", body),
    ):
        assert problem(answer) == (422, "invalid-request")


async def test_an_event_is_not_moved_to_before_its_deadline(
    organizer: User, published: Publish
) -> None:
    event = await published(cancellation_deadline=moment(days=20))
    sooner = {"starts_at": moment(days=5), "ends_at": moment(days=6)}
    answer = await organizer.patch(f"/events/{event['id']}", sooner)
    assert problem(answer) == (422, "invalid-request")
    assert answer.json()["errors"][0]["field"] == "cancellation_deadline"
    both = sooner | {"cancellation_deadline": moment(days=4)}
    assert (await organizer.patch(f"/events/{event['id']}", both)).status_code == 200


async def test_an_end_that_the_release_before_moved_is_the_deadline(
    app: FastAPI, organizer: User, published: Publish
) -> None:
    """It knows nothing of the deadline, and may run beside this one."""
    event = await published(cancellation_deadline=moment(days=20))
    await change(
        app,
        "UPDATE event SET starts_at = now() + interval '5 days',"
        " ends_at = now() + interval '6 days' WHERE id = :id",
        id=event["id"],
    )
    changed = await organizer.patch(f"/events/{event['id']}", {"title": "Another title"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["cancellation_deadline"] == changed.json()["ends_at"]


async def test_a_hold_and_a_place_in_line_may_be_given_up_at_any_time(
    app: FastAPI, guest: User, published: Publish, user: MakeUser
) -> None:
    event = await published(capacity=2, cancellation_deadline=moment(days=-1))
    held = (await guest.book(event, hold=True)).json()
    assert (await user().book(event)).status_code == 201
    waits = user()
    joined = await waits.post(f"/events/{event['id']}/waitlist", {"quantity": 1})
    assert joined.status_code == 201
    assert (await guest.post(f"/bookings/{held['id']}/cancel")).json()["status"] == "cancelled"
    # Held for who waits, who lets it go.
    assert (await waits.delete(f"/events/{event['id']}/waitlist")).status_code == 204
    assert (await user().book(event)).status_code == 201


async def test_no_hold_outlives_its_event(app: FastAPI, guest: User, published: Publish) -> None:
    event = await published()
    early = (await guest.book(event, hold=True)).json()
    await change(
        app,
        "UPDATE event SET starts_at = now(), ends_at = now() + interval '90 seconds' WHERE id = :id",
        id=event["id"],
    )
    late = (await guest.book(event, hold=True)).json()
    ends = (await guest.get(f"/events/{event['id']}")).json()["ends_at"]
    assert late["expires_at"] == ends
    await begin(app, event, hours_ago=3)
    answer = await guest.post(f"/bookings/{early['id']}/confirm")
    assert problem(answer) == (409, "sales-closed")
    states = await rows(app, "SELECT status FROM booking WHERE event_id = :id", id=event["id"])
    assert {row.status for row in states} == {"held"}


async def test_an_event_can_be_called_off_while_guests_are_in(
    app: FastAPI, organizer: User, guest: User, published: Publish, user: MakeUser
) -> None:
    """Nothing is sold again, and what had happened at the door stays on the record."""
    plan = sections(("Stalls", "A", 2))
    event = await published(seating={"kind": "assigned", "sections": plan})
    booking = (await guest.book(event)).json()
    held = (await guest.book(event, hold=True)).json()
    await let_in(organizer, event, codes(booking)[0])
    await begin(app, event, hours_ago=1)
    called_off = await organizer.post(f"/events/{event['id']}/cancel", {"reason": "Fire alarm"})
    assert called_off.status_code == 200
    assert (await guest.get(f"/bookings/{booking['id']}")).json()["status"] == "cancelled"
    again = await guest.post(f"/bookings/{booking['id']}/cancel")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")
    confirming = await guest.post(f"/bookings/{held['id']}/confirm")
    assert problem(confirming) == (409, "booking-ended")
    assert problem(await user().book(event)) == (409, "sales-closed")
    answer = await organizer.post(check_ins(event), {"ticket_code": codes(booking)[0]})
    assert problem(answer) == (404, "not-found")
    [ticket] = await rows(
        app, "SELECT checked_in_at FROM ticket WHERE booking_id = :id", id=booking["id"]
    )
    assert ticket.checked_in_at


@pytest.mark.parametrize("deadline", [{"days": 3}, {"days": 30, "hours": 1}, None])
@pytest.mark.parametrize("is_hold", [False, True])
async def test_the_confirmation_is_told_until_when_one_may_cancel(
    app: FastAPI, guest: User, published: Publish, deadline: dict[str, float] | None, is_hold: bool
) -> None:
    """A booking at once has another statement for its event than a hold that is confirmed."""
    starts_at = moment(days=30)
    said = {"cancellation_deadline": moment(**deadline)} if deadline else {}
    event = await published(starts_at=starts_at, ends_at=moment(days=31), capacity=2, **said)
    booking = (await guest.book(event, hold=is_hold)).json()
    if is_hold:
        answer = await guest.post(f"/bookings/{booking['id']}/confirm")
        assert answer.status_code == 200
    [message] = await messages(app, event["id"], "booking-confirmed")
    told = message["data"]["event"]["cancellation_deadline"]
    meant = said.get("cancellation_deadline", starts_at)
    assert datetime.fromisoformat(told) == datetime.fromisoformat(meant)
