"""Thousands of concurrent attempts at several processes: each seat is sold once, and no answer lies.

``HISTORY_ATTEMPTS`` says how many, over both seatings; ``HISTORY_PROCESSES`` and ``HISTORY_AT_ONCE`` at how
many processes and by how many people at once: the more for each process, the larger the batches.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext

import httpx
import pytest
from sqlalchemy import text

from event_service.settings import Settings
from service_kit.database.engine import Database
from tests.conftest import FreshDatabase
from tests.events.consistency import find_violations
from tests.events.history import UNKNOWN
from tests.events.load import Load, tidied
from tests.events.servers import SERVICE, Server, Servers, servers

__all__ = ["servers"]

ATTEMPTS = int(os.environ.get("HISTORY_ATTEMPTS", "5000"))
PROCESSES = int(os.environ.get("HISTORY_PROCESSES", "2"))
AT_ONCE = int(os.environ.get("HISTORY_AT_ONCE", "24"))
ATTEMPTS_OF_A_CONTROL, SEATS_OF_A_CONTROL = 300, 53
# Chance may spare one of them.
CROWDS_OF_A_CONTROL = 9
# So many that nobody has taken the seats of a hold in the moment in which it ends.
PLENTY_OF_SEATS = 397


@pytest.fixture
async def own_settings(settings: Settings, fresh_database: FreshDatabase) -> Settings:
    # Who waits long for a lock is sent away with a 503; on a busy machine that would be many.
    patient = {"lock_timeout_seconds": 30, "statement_timeout_seconds": 60}
    changed = patient | {"database_url": await fresh_database("event"), "hold_seconds": 1}
    return Settings.model_validate(settings.model_dump() | changed)


async def count_deadlocks(database: Database) -> int:
    statement = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    async with database.transaction() as session:
        return int((await session.execute(text(statement))).scalar_one())


async def count_batches(servers: Iterable[Server]) -> Counter[str]:
    """By the largest number of requests that they may have."""
    counted: Counter[str] = Counter()
    async with httpx.AsyncClient() as client:
        for server in servers:
            page = (await client.get(f"{server.url}/metrics")).text
            smaller = 0.0
            for bound, total in BATCHES.findall(page):
                counted[bound] += int(float(total) - smaller)
                smaller = float(total)
    return counted


BATCHES = re.compile(r'^booking_batch_requests_bucket\{le="([0-9.]+)"\} ([0-9.]+)', re.MULTILINE)


async def load_history(
    servers: Servers,
    settings: Settings,
    *,
    is_assigned: bool,
    seats: int,
    attempts: int,
    module: str = SERVICE,
    is_tidied: bool = True,
) -> Load:
    database = Database(settings, application_name="history")
    started = await servers.start(settings, PROCESSES, module=module)
    try:
        tidying = tidied(database, settings) if is_tidied else nullcontext()
        async with Load(started, at_once=AT_ONCE) as load, tidying:
            await load.open_event(seats, is_assigned=is_assigned)
            await load.see_seats(database, is_assigned=is_assigned)
            await load.storm(attempts)
            await load.settle(database, settings)
            load.deadlocks = await count_deadlocks(database)
            load.batches = await count_batches(started)
    finally:
        await database.close()
    return load


@pytest.mark.parametrize(("is_assigned", "seats"), [(False, 97), (True, 101)])
async def test_a_crowd_gets_every_seat_once_and_is_told_the_truth(
    servers: Servers, own_settings: Settings, is_assigned: bool, seats: int
) -> None:
    load = await load_history(
        servers, own_settings, is_assigned=is_assigned, seats=seats, attempts=ATTEMPTS // 2
    )
    assert [str(violation) for violation in find_violations(load.history)] == []
    # In the end all that was to be had was had.
    confirmed = [row for row in load.history.rows if row.status == "confirmed"]
    assert sum(len(row.seats) for row in confirmed) == seats
    # A history in which little happened would show little.
    happened = {"booked", "booked again", "sold-out", "idempotency-mismatch", UNKNOWN}
    happened |= {"confirm: confirmed", "confirm: hold-expired", "cancel: cancelled"}
    happened |= {f"cancel-seats: {status}" for status in ("held", "confirmed", "cancelled")}
    assert happened <= load.answers.keys(), load.answers
    # One request alone, and several together.
    assert load.batches["1.0"] and sum(load.batches.values()) > load.batches["1.0"], load.batches
    # Nor did two wait for each other: PostgreSQL needs a second to find that out.
    assert load.deadlocks == 0


@pytest.mark.by_chance
@pytest.mark.parametrize(
    ("module", "is_assigned", "seats", "kinds"),
    [
        ("no_look_at_the_owner", True, SEATS_OF_A_CONTROL, {"sold twice"}),
        ("one_look_ahead", False, SEATS_OF_A_CONTROL, {"false sold-out"}),
        ("one_choice_of_a_group", True, SEATS_OF_A_CONTROL, {"false sold-out"}),
        ("no_keys", False, SEATS_OF_A_CONTROL, {"a key with two bookings", "done twice"}),
        ("no_end_of_holds", True, PLENTY_OF_SEATS, {"false confirmed"}),
    ],
)
async def test_control_without_a_guard_the_history_has_lies(
    servers: Servers,
    own_settings: Settings,
    module: str,
    is_assigned: bool,
    seats: int,
    kinds: set[str],
) -> None:
    """If this fails, the test above shows nothing."""
    for _ in range(CROWDS_OF_A_CONTROL):
        load = await load_history(
            servers,
            own_settings,
            is_assigned=is_assigned,
            seats=seats,
            attempts=ATTEMPTS_OF_A_CONTROL,
            module=f"tests.events.mutants.{module}",
            # The sweeper ends what has lapsed, and so is a second guard.
            is_tidied=False,
        )
        found = Counter(violation.kind for violation in find_violations(load.history))
        if kinds <= found.keys():
            return
    pytest.fail(f"{kinds} not among {found}: {load.answers}")
