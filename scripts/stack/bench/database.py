"""pgbench on the very statements of a booking: what PostgreSQL alone could do."""

import asyncio
import re
import subprocess
from pathlib import Path
from typing import Any

import asyncpg

from event_service.bookings import statements
from stack.postgres import BINARIES


def _script(event_id: str, capacity: int) -> str:
    """The statements with their parameters written out: one seat for somebody new, with a key."""
    values = {
        "event_id": f"'{event_id}'::uuid",
        "user_id": "gen_random_uuid()",
        "booking_id": "':b'::uuid",
        "key": "':b'::text",
        "fingerprint": "repeat('f', 64)",
        "seats": "1",
        "held_until": "NULL::timestamptz",
        "price": "2500",
        "start": ":start",
        "status": "'confirmed'",
        "total": "2500",
        "currency": "'EUR'",
        "expires_at": "NULL::timestamptz",
        "seat_ids": "ARRAY[':seat_id'::uuid]",
        "positions": "ARRAY[:seat_position]::int[]",
        "sections": "ARRAY[NULL]::text[]",
        "rows": "ARRAY[NULL]::text[]",
        "numbers": "ARRAY[NULL]::int[]",
        "prices": "ARRAY[2500]",
        "codes": "ARRAY[':b']",
        "tally_id": "gen_random_uuid()",
        "held": "0",
        "booked": "1",
        "message_id": "gen_random_uuid()",
        "task": "'notifications.send'",
        "topic": "'booking.confirmed.v1'",
        "message": '\'{"kind": "booking-confirmed", "data": "' + "x" * 600 + "\"}'::jsonb",
    }

    def written_out(statement: Any) -> str:
        sql = re.sub(r"(?<!:):([a-z_]+)", lambda name: values[name[1]], statement.element.text)
        return " ".join(sql.split())

    take = written_out(statements.TAKE_ANY).replace(
        "SELECT taken.id, taken.position,",
        "SELECT taken.id AS seat_id, taken.position AS seat_position,",
    )
    lines = [
        f"\\set start random(1, {capacity})",
        "BEGIN;",
        # One statement more than the service sends: its booking id is made by Python.
        "SELECT gen_random_uuid() AS b \\gset",
        written_out(statements.OPEN) + ";",
        take + " \\gset",
        written_out(statements.WRITE) + ";",
        "COMMIT;",
    ]
    return "\n".join(lines) + "\n"


def bookings_per_second(
    url: str, event_id: str, capacity: int, folder: Path, *, connections: int, seconds: int
) -> float:
    script = folder / "booking.sql"
    script.write_text(_script(event_id, capacity))
    done = subprocess.run(
        [
            str(BINARIES / "pgbench"), "-n", "-c", str(connections), "-j", "2",
            "-T", str(seconds), "-f", str(script), url,
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode or not found:
        raise RuntimeError(f"pgbench: {done.stderr.strip()[-500:]}")
    return float(found[1])


_FILL = """
    INSERT INTO event (
        id, organizer_id, title, description, category, venue, city, timezone, starts_at, ends_at,
        status, seating, capacity, price, currency, max_seats_per_user, version, created_at,
        updated_at
    )
    SELECT gen_random_uuid(), gen_random_uuid(), 'Evening ' || n, '', 'Music', 'Hall',
        'City ' || n % 500, 'UTC', start, start + interval '2 hours', 'published', 'general', 100,
        2500, 'EUR', 10, 1, now(), now()
    FROM (
        SELECT n, now() + interval '1 day' + n * interval '10 seconds' AS start
        FROM generate_series(1, $1 - (SELECT count(*) FROM event)) AS n
    ) AS evenings
"""


def fill_with_events(url: str, number: int) -> None:
    """Adds published events until there are so many, as autovacuum leaves them."""

    async def fill() -> None:
        connection = await asyncpg.connect(url)
        try:
            # Nothing is searched for in them, and their words would take longer than all else.
            await connection.execute("ALTER TABLE event DISABLE TRIGGER event_search")
            await connection.execute(_FILL, number, timeout=600)
            await connection.execute("ALTER TABLE event ENABLE TRIGGER event_search")
            await connection.execute("VACUUM ANALYZE", timeout=600)
        finally:
            await connection.close()

    asyncio.run(fill())


def seats_sold(url: str, event_id: str) -> int:
    """Seats of an event that belong to a confirmed booking."""

    async def count() -> int:
        connection = await asyncpg.connect(url)
        try:
            found = await connection.fetchval(
                "SELECT count(*) FROM seat JOIN booking ON booking.id = booking_id "
                "WHERE seat.event_id = $1 AND status = 'confirmed'",
                event_id,
            )
        finally:
            await connection.close()
        return int(found)

    return asyncio.run(count())
