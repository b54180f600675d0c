"""Each rule as a table, asked of the Python function and of its SQL; and which status follows which."""

import itertools
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import ClauseElement, Uuid, bindparam, text

from event_service import rules
from event_service.statuses import (
    BOOKING_CHANGES,
    EVENT_CHANGES,
    BookingStatus,
    EventStatus,
    SeatingKind,
    statuses_before,
)
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User
from tests.events.test_holds import let_lapse, sweep

NOW = datetime(2027, 1, 20, 18, 0, tzinfo=UTC)
ORGANIZER = UUID("0198c0de-0000-7000-8000-000000000001")
STRANGER = UUID("0198c0de-0000-7000-8000-000000000002")
DRAFT, PUBLISHED, CANCELLED = EventStatus
FREE, HELD, BOOKED = "free", "held", "booked"

# Hours from now; None is NULL.
Hours = float | None
TIMES = ("starts_at", "ends_at", "sales_start", "sales_end", "cancellation_deadline")


def event(status: EventStatus = PUBLISHED, **hours: Hours) -> Any:
    """Begins in an hour and ends in three, unless ``hours`` say otherwise."""
    given: dict[str, Hours] = dict.fromkeys(TIMES) | {"starts_at": 1, "ends_at": 3} | hours
    return SimpleNamespace(status=status, organizer_id=ORGANIZER, **_at(given))


def booking(status: BookingStatus, expires_at: Hours = None) -> Any:
    return SimpleNamespace(status=status, **_at({"expires_at": expires_at}))


def _at(hours: dict[str, Hours]) -> dict[str, datetime | None]:
    return {
        name: None if value is None else NOW + timedelta(hours=value)
        for name, value in hours.items()
    }


def _sql(value: Any) -> str:
    """Relative to the time of PostgreSQL, which SQL goes by."""
    if value is None:
        return "CAST(NULL AS timestamptz)"
    if isinstance(value, datetime):
        return f"now() + interval '{(value - NOW).total_seconds()} seconds'"
    if isinstance(value, UUID):
        return f"CAST('{value}' AS uuid)"
    return f"CAST('{value}' AS text)"


async def ask(app: FastAPI, rule: Any, table: str, row: Any, viewer: UUID | None = None) -> Any:
    """What the SQL of a rule says of a row of ``table``."""
    if isinstance(rule, ClauseElement):
        rule = rule.compile(
            dialect=app.state.database.engine.dialect, compile_kwargs={"literal_binds": True}
        )
    columns = ", ".join(f"{_sql(value)} AS {name}" for name, value in vars(row).items())
    statement = text(f"SELECT {rule}, now() FROM (SELECT {columns}) AS {table}")
    if ":viewer" in str(rule):
        statement = statement.bindparams(bindparam("viewer", viewer, type_=Uuid))
    async with app.state.database.transaction() as session:
        value, now = (await session.execute(statement)).one()
    return NOW + (value - now) if isinstance(value, datetime) else value


ON_SALE: list[tuple[Any, bool]] = [
    (event(), True),
    (event(DRAFT), False),
    (event(CANCELLED), False),
    (event(starts_at=-1), True),
    (event(starts_at=-2, ends_at=0), False),
    (event(starts_at=-2, ends_at=-1), False),
    (event(sales_start=1), False),
    (event(sales_start=0), True),
    (event(sales_start=-1, sales_end=1), True),
    (event(sales_end=0), False),
    (event(sales_end=-1), False),
    (event(starts_at=-3, ends_at=-1, sales_end=1), False),
]
ACTIVE: list[tuple[Any, bool]] = [
    (event(), True),
    (event(starts_at=-1), True),
    (event(starts_at=-3, ends_at=0), False),
    (event(starts_at=-3, ends_at=-1), False),
    (event(DRAFT), False),
    (event(CANCELLED), False),
    (event(sales_end=-1), True),
]
UPCOMING: list[tuple[Any, bool]] = [
    (event(), True),
    (event(starts_at=0), False),
    (event(starts_at=-1), False),
    (event(DRAFT), False),
    (event(CANCELLED), False),
]


@pytest.mark.parametrize(("row", "expected"), ON_SALE)
async def test_an_event_is_on_sale(app: FastAPI, row: Any, expected: bool) -> None:
    assert rules.is_on_sale(row, NOW) is expected
    assert await ask(app, rules.IS_ON_SALE, "event", row) is expected


@pytest.mark.parametrize(("row", "expected"), ACTIVE)
async def test_an_event_is_active_until_it_ends(app: FastAPI, row: Any, expected: bool) -> None:
    assert rules.is_active(row, NOW) is expected
    assert await ask(app, rules.IS_ACTIVE, "event", row) is expected


@pytest.mark.parametrize(("row", "expected"), UPCOMING)
async def test_an_event_is_upcoming_until_it_begins(app: FastAPI, row: Any, expected: bool) -> None:
    assert await ask(app, rules.IS_UPCOMING, "event", row) is expected


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ({}, 1),
        ({"cancellation_deadline": -1}, -1),
        ({"cancellation_deadline": 2}, 2),
        # A process of the release before may have moved the end alone.
        ({"cancellation_deadline": 4}, 3),
        ({"starts_at": 1, "ends_at": 0.5}, 0.5),
    ],
)
async def test_guests_may_cancel_until_a_deadline(
    app: FastAPI, hours: dict[str, Hours], expected: float
) -> None:
    row, deadline = event(PUBLISHED, **hours), NOW + timedelta(hours=expected)
    assert rules.cancellation_deadline(row) == deadline
    assert await ask(app, rules.CANCELLATION_DEADLINE, "event", row) == deadline


@pytest.mark.parametrize("is_checked_in", [True, False])
@pytest.mark.parametrize("status", BookingStatus)
@pytest.mark.parametrize("deadline", [-1, 0, 1])
def test_a_guest_may_cancel(status: BookingStatus, deadline: int, is_checked_in: bool) -> None:
    row = event(starts_at=2, cancellation_deadline=deadline)
    expected = {
        BookingStatus.HELD: True,
        BookingStatus.CONFIRMED: deadline > 0 and not is_checked_in,
        BookingStatus.CANCELLED: False,
        BookingStatus.EXPIRED: False,
    }
    assert rules.can_cancel(status, row, NOW, is_checked_in=is_checked_in) is expected[status]


@pytest.mark.parametrize("viewer", [ORGANIZER, STRANGER, None])
@pytest.mark.parametrize("status", EventStatus)
async def test_a_draft_is_seen_by_its_organizer_only(
    app: FastAPI, status: EventStatus, viewer: UUID | None
) -> None:
    row, expected = event(status), status != DRAFT or viewer == ORGANIZER
    assert rules.may_see(row, viewer) is expected
    assert bool(await ask(app, rules.IS_VISIBLE, "event", row, viewer)) is expected


@pytest.mark.parametrize(
    ("user_id", "is_superuser", "expected"),
    [(ORGANIZER, False, True), (STRANGER, False, False), (STRANGER, True, True)],
)
def test_an_event_is_changed_by_its_organizer_and_superusers(
    user_id: UUID, is_superuser: bool, expected: bool
) -> None:
    person = SimpleNamespace(user_id=user_id, is_superuser=is_superuser)
    assert rules.may_change(event(), person) is expected  # type: ignore[arg-type]
    assert not rules.may_change(event(), None)


@pytest.mark.parametrize(
    ("row", "expected", "is_lapsed"),
    [
        (booking(BookingStatus.HELD, 1), BookingStatus.HELD, False),
        (booking(BookingStatus.HELD, 0), BookingStatus.EXPIRED, True),
        (booking(BookingStatus.HELD, -1), BookingStatus.EXPIRED, True),
        (booking(BookingStatus.CONFIRMED), BookingStatus.CONFIRMED, False),
        (booking(BookingStatus.CANCELLED), BookingStatus.CANCELLED, False),
        (booking(BookingStatus.EXPIRED), BookingStatus.EXPIRED, False),
    ],
)
async def test_a_hold_has_expired_when_its_time_is_over(
    app: FastAPI, row: Any, expected: BookingStatus, is_lapsed: bool
) -> None:
    assert await ask(app, rules.STATUS_NOW, "booking", row) == expected
    assert bool(await ask(app, rules.HAS_LAPSED, "booking", row)) is is_lapsed
    assert bool(await ask(app, rules.IS_HELD, "booking", row)) is (expected == BookingStatus.HELD)
    is_confirmed = await ask(app, rules.IS_CONFIRMED, "booking", row)
    assert is_confirmed is (expected == BookingStatus.CONFIRMED)


@pytest.mark.parametrize(
    ("booking_id", "held_until", "state"),
    [
        (None, None, FREE),
        (ORGANIZER, None, BOOKED),
        (ORGANIZER, 1, HELD),
        (ORGANIZER, 0, FREE),
        (ORGANIZER, -1, FREE),
    ],
)
async def test_a_seat_is_free_without_a_booking_or_when_its_hold_has_ended(
    app: FastAPI, booking_id: UUID | None, held_until: Hours, state: str
) -> None:
    row = SimpleNamespace(booking_id=booking_id, **_at({"held_until": held_until}))
    assert await ask(app, rules.SEAT_STATE, "seat", row) == state
    assert bool(await ask(app, rules.IS_FREE, "seat", row)) is (state == FREE)


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("event", "status", EventStatus),
        ("event", "seating", SeatingKind),
        ("booking", "status", BookingStatus),
    ],
)
async def test_the_database_allows_the_members_of_the_enum(
    app: FastAPI, table: str, column: str, values: type[StrEnum]
) -> None:
    statement = text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        f" WHERE conrelid = '{table}'::regclass AND conname = 'ck_{table}_{column}'"
    )
    async with app.state.database.transaction() as session:
        check = (await session.execute(statement)).scalar_one()
    assert set(re.findall(r"'(\w+)'", check)) == set(values)


def test_each_status_says_what_may_follow_it() -> None:
    assert EVENT_CHANGES.keys() == set(EventStatus)
    assert BOOKING_CHANGES.keys() == set(BookingStatus)
    assert rules.CANCELLABLE == {BookingStatus.HELD, BookingStatus.CONFIRMED}
    assert statuses_before(EVENT_CHANGES, PUBLISHED) == {DRAFT}


Act = Callable[[Json], Awaitable[Any]]


async def status_of(app: FastAPI, table: str, row_id: str) -> str:
    async with app.state.database.transaction() as session:
        statement = text(f"SELECT status FROM {table} WHERE id = :id")
        return str((await session.execute(statement, {"id": row_id})).scalar_one())


async def booking_in(
    app: FastAPI, guest: User, event: Json, status: BookingStatus, *, is_over: bool
) -> Json:
    is_hold = status in (BookingStatus.HELD, BookingStatus.EXPIRED)
    made: Json = (await guest.book(event, hold=is_hold)).json()
    if status == BookingStatus.CANCELLED:
        await guest.post(f"/bookings/{made['id']}/cancel")
    if status == BookingStatus.EXPIRED or (status == BookingStatus.HELD and is_over):
        await let_lapse(app, made)
    if status == BookingStatus.EXPIRED:
        await sweep(app)
    assert await status_of(app, "booking", made["id"]) == status
    return made


async def test_whatever_is_done_a_booking_changes_as_the_table_allows(
    app: FastAPI, organizer: User, user: Callable[..., User], published: Publish
) -> None:
    guest, seen = user(), set()
    actions: dict[str, Act] = {
        "confirm": lambda made: guest.post(f"/bookings/{made['id']}/confirm"),
        "cancel": lambda made: guest.post(f"/bookings/{made['id']}/cancel"),
        "sweep": lambda _: sweep(app),
        "cancel the event": lambda made: organizer.post(f"/events/{made['event_id']}/cancel"),
    }
    for before, act, is_over in itertools.product(BookingStatus, actions, (False, True)):
        made = await booking_in(app, guest, await published(capacity=1), before, is_over=is_over)
        await actions[act](made)
        seen.add((before, BookingStatus(await status_of(app, "booking", made["id"]))))

    changed = {(before, after) for before, after in seen if before != after}
    assert changed == {(old, new) for old, after in BOOKING_CHANGES.items() for new in after}


async def test_whatever_is_done_an_event_changes_as_the_table_allows(
    app: FastAPI, organizer: User
) -> None:
    seen = set()
    for before, action in itertools.product(EventStatus, ("publish", "cancel")):
        path = f"/events/{(await organizer.post('/events', event_body())).json()['id']}"
        if before == PUBLISHED:
            await organizer.post(f"{path}/publish")
        if before == CANCELLED:
            await organizer.post(f"{path}/cancel")
        await organizer.post(f"{path}/{action}")
        after = (await organizer.get(path)).json()["status"]
        seen.add((before, EventStatus(after)))

    changed = {(before, after) for before, after in seen if before != after}
    assert changed == {(old, new) for old, after in EVENT_CHANGES.items() for new in after}
