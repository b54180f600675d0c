"""The doctor finds each fault that is staged, mends what it may, and finds nothing in a database that
only the service has written."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from event_service.doctor.checks import make_checks
from event_service.maintenance import fold_tallies
from event_service.settings import Settings
from service_kit.doctor import Report, examine
from tests.conftest import copy_database
from tests.events.conftest import Json, Publish, User, running_patiently
from tests.events.waitlist import MakeUser, cancel, change, join, let_lapse, sweep


@pytest.fixture(scope="module")
async def app(settings: Settings, postgres_url: str, worker: str) -> AsyncIterator[FastAPI]:
    """With a database of its own, in which nothing else is wrong."""
    url = await copy_database(postgres_url, "event", f"event_doctor_{worker}")
    own = settings.model_copy(update={"database_url": SecretStr(url)})
    async with running_patiently(own) as app:
        yield app


async def look(app: FastAPI, *, is_repair: bool = False) -> tuple[Report, list[str]]:
    lines: list[str] = []
    report = await examine(
        app.state.database,
        make_checks(app.state.settings),
        is_repair=is_repair,
        say=lines.append,
    )
    return report, lines


async def finds_nothing(app: FastAPI) -> None:
    report, lines = await look(app)
    assert (report.findings, lines) == (0, [])


@pytest.fixture
async def halls(app: FastAPI, published: Publish, user: MakeUser) -> dict[str, Any]:
    """Bookings of every kind: confirmed, held, cancelled, expired, in part cancelled, offered, waiting."""
    event = await published(capacity=8, max_seats_per_user=4)
    guest = user()
    confirmed = (await guest.book(event, 2)).json()
    held = (await guest.book(event, 2, hold=True)).json()
    former_hold = (await user().book(event, 1)).json()
    await cancel_one_of(user(), event)
    lapsed = (await user().book(event, 1, hold=True)).json()
    await let_lapse(app, lapsed["id"])
    await sweep(app)
    ended_guest = user()
    ended = (await ended_guest.book(event, 1)).json()
    await cancel(ended_guest, ended)
    full = await published(capacity=1)
    owner, waiting = user(), user()
    booking = (await owner.book(full)).json()
    await join(waiting, full)
    await cancel(owner, booking)
    await join(user(), full)
    return {
        "event": event, "guest": guest.id, "confirmed": confirmed["id"], "held": held["id"],
        "ended": ended["id"], "former": former_hold["id"], "full": full, "waiting": waiting.id,
    }  # fmt: skip


async def cancel_one_of(guest: User, event: Json) -> None:
    booking = (await guest.book(event, 2)).json()
    seats = {"seat_ids": [booking["seats"][0]["id"]]}
    assert (await guest.post(f"/bookings/{booking['id']}/cancel", seats)).status_code == 200


async def test_what_the_service_has_written_is_whole(app: FastAPI, halls: dict[str, Any]) -> None:
    await finds_nothing(app)
    while await fold_tallies(app.state.database):
        pass
    await finds_nothing(app)


@dataclass
class Fault:
    """``statement`` stages it; ``undo`` takes back what is not to be mended."""

    finding: str
    statement: str
    undo: str = ""


FREE_SEAT = "(SELECT id FROM seat WHERE event_id = :event AND booking_id IS NULL LIMIT 1)"
FAULTS = {
    "count": Fault(
        "events that show another number",
        "UPDATE seat_tally SET booked = booked + 1 WHERE id = (SELECT id FROM seat_tally LIMIT 1)",
    ),
    "count-lost": Fault("events that show another number", "DELETE FROM seat_tally"),
    "seat-of-ended": Fault(
        "seats of bookings that have ended",
        f"UPDATE seat SET booking_id = :ended WHERE id = {FREE_SEAT}",
    ),
    "seat-lapses": Fault(
        "seats that become free at another time",
        "UPDATE seat SET held_until = now() + interval '1 minute' WHERE booking_id = :confirmed",
    ),
    "seat-stays": Fault(
        "seats that become free at another time",
        "UPDATE seat SET held_until = NULL WHERE booking_id = :held",
    ),
    "seat-lost": Fault(
        "bookings that do not have all their seats",
        "UPDATE seat SET booking_id = NULL WHERE booking_id = :former",
        "UPDATE seat SET booking_id = :former WHERE id ="
        " (SELECT seat_id FROM ticket WHERE booking_id = :former)",
    ),
    "allowance": Fault(
        "people whose limit counts another number",
        "UPDATE seat_allowance SET seats = 0 WHERE event_id = :event AND user_id = :guest",
    ),
    "allowance-lost": Fault(
        "people whose limit counts another number",
        "DELETE FROM seat_allowance WHERE event_id = :event AND user_id = :guest",
    ),
    "allowance-too-high": Fault(
        "people whose limit counts another number",
        "UPDATE seat_allowance SET seats = seats + 1, max_seats = 9 WHERE event_id = :event",
    ),
    "message": Fault(
        "confirmed bookings without a message",
        "DELETE FROM outbox WHERE message->>'dedup_key' = 'booking-confirmed:' || :confirmed",
    ),
    "hold": Fault(
        "holds that ended more than 10 minutes ago",
        "WITH b AS (UPDATE booking SET expires_at = now() - interval '1 hour' WHERE id = :held)"
        " UPDATE seat SET held_until = now() - interval '1 hour' WHERE booking_id = :held",
    ),
    "offer": Fault(
        "waitlist entries whose offer has ended",
        "UPDATE waitlist_entry SET booking_id = :ended WHERE event_id = :full"
        " AND booking_id IS NOT NULL",
    ),
    "past": Fault(
        "past events for which somebody waits",
        "UPDATE event SET starts_at = now() - interval '2 days', ends_at = now() - interval '1 day'"
        " WHERE id = :full",
    ),
    "erased": Fault(
        "erased accounts of which something is left",
        "INSERT INTO erased_user VALUES (:waiting, now() - interval '11 minutes')",
    ),
    "unconfirmed": Fault(
        "messages that are not confirmed for 15 minutes",
        "UPDATE outbox SET created_at = now() - interval '16 minutes',"
        " next_attempt_at = now() - interval '16 minutes'",
        "UPDATE outbox SET created_at = now()",
    ),
    "never-due": Fault(
        "messages whose next attempt is more than a day away",
        "UPDATE outbox SET next_attempt_at = 'infinity'",
    ),
    "unpurged": Fault(
        "confirmed messages that should have been deleted",
        "UPDATE outbox SET confirmed_at = now() - interval '9 days'"
        " WHERE message->>'kind' = 'booking-cancelled'",
    ),
    "organizer": Fault(
        "messages of organizers that not all guests",
        "INSERT INTO organizer_message (id, event_id, subject, body, guest_ids, written, created_at)"
        " VALUES (gen_random_uuid(), :event, '', '', '{}', 0, now() - interval '2 hours')",
        "DELETE FROM organizer_message",
    ),
    "unfolded": Fault(
        "events whose counts are not summed up",
        "UPDATE seat_tally SET id = '00000000-0000-7000-8000-000000000000' WHERE id ="
        " (SELECT id FROM seat_tally WHERE NOT folded LIMIT 1)",
    ),
    "stale": Fault(
        "changed pages of which the cache was not told",
        "INSERT INTO stale_tag VALUES ('00000000-0000-7000-8000-000000000000', 'x')",
        "DELETE FROM stale_tag",
    ),
    "keys": Fault(
        "idempotency keys that should have been deleted",
        "INSERT INTO idempotency_key VALUES"
        " (gen_random_uuid(), 'k', '', gen_random_uuid(), now() - interval '3 days')",
    ),
    "erasures": Fault(
        "ids of erased accounts that should have been deleted",
        "INSERT INTO erased_user VALUES (gen_random_uuid(), now() - interval '3 days')",
    ),
    "index": Fault(
        "indexes that are not valid",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_seat_free'::regclass",
    ),
}


def values_of(statement: str, halls: dict[str, Any]) -> dict[str, Any]:
    ids = {name: value["id"] if isinstance(value, dict) else value for name, value in halls.items()}
    return {name: str(value) for name, value in ids.items() if f":{name}" in statement}


@pytest.mark.parametrize("name", FAULTS)
async def test_each_staged_fault_is_found_and_mended_where_that_is_safe(
    app: FastAPI, halls: dict[str, Any], name: str
) -> None:
    fault = FAULTS[name]
    await change(app, fault.statement, **values_of(fault.statement, halls))
    report, lines = await look(app)
    assert report.findings == report.left == len(lines) == 1, lines
    assert lines[0].startswith(fault.finding)
    report, lines = await look(app, is_repair=True)
    assert report.findings == len(lines) == 1
    assert report.left == bool(fault.undo), lines
    assert lines[0].endswith("Mended.") != bool(fault.undo)
    if fault.undo:
        await change(app, fault.undo, **values_of(fault.undo, halls))
    await finds_nothing(app)


async def test_without_repair_it_says_what_mends_it(app: FastAPI, halls: dict[str, Any]) -> None:
    event_id = halls["event"]["id"]
    await change(app, "DELETE FROM seat_tally WHERE event_id = :id", id=event_id)
    _, [line] = await look(app)
    assert line.endswith(f" have: 1 ({event_id}). --repair mends this.")
    await look(app, is_repair=True)
    await finds_nothing(app)
