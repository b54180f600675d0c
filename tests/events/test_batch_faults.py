"""Processes that are killed in the midst of a batch."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import text

from event_service.settings import Settings
from service_kit.database.engine import Database
from tests.events.consistency import find_violations
from tests.events.servers import Servers, servers
from tests.events.test_faults import connected, own_settings, stormed

__all__ = ["own_settings", "servers"]

# A batch that has written all, and has not committed.
UNDER_WAY = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'PgSleep'
""")
# Bookings of one transaction have one time.
SIZES = text("""
    SELECT count(*) FROM booking WHERE event_id = :event_id GROUP BY created_at
""")


async def batch_is_under_way(database: Database) -> None:
    under_way = 0
    while not under_way:
        async with database.transaction() as session:
            under_way = (await session.execute(UNDER_WAY)).scalar_one()


async def batch_sizes(database: Database, event_id: str) -> Counter[int]:
    async with database.transaction() as session:
        found = await session.execute(SIZES, {"event_id": event_id})
        return Counter(found.scalars())


@pytest.mark.parametrize(
    ("mutant", "is_kept"),
    [
        ("late_inserts", True),
        pytest.param("late_and_early", False, marks=pytest.mark.by_chance),
    ],
)
async def test_killed_in_the_midst_of_a_batch_what_a_client_was_told_is_there_and_nothing_by_halves(
    servers: Servers, own_settings: Settings, mutant: str, is_kept: bool
) -> None:
    """SIGKILL, when a batch is written and not committed. One that answers before is the control."""
    violations: list[str] = []
    # Chance may spare the control.
    for _ in range(1 if is_kept else 4):
        started = await servers.start(own_settings, module=f"tests.events.mutants.{mutant}")
        async with stormed(started, own_settings) as load, connected(own_settings) as database:
            for server in started:
                await load.has_booked(10)
                await batch_is_under_way(database)
                if not is_kept:
                    # Until it has answered.
                    await asyncio.sleep(0.2)
                server.kill()
                server.start()
                await server.is_ready()
        assert load.cut_off
        async with connected(own_settings) as database:
            sizes = await batch_sizes(database, load.event_id)
        violations += [str(violation) for violation in find_violations(load.history)]
        if violations:
            break
    assert (violations == []) == is_kept
    # Batches of one would show little.
    assert max(sizes) >= 3, sizes
