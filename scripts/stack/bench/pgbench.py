"""pgbench on the very statements of a booking: what PostgreSQL alone could do."""

import re
import subprocess
from typing import Any

from event_service.bookings import statements
from stack.bench.servers import DATABASE_POOL_SIZE, Bench
from stack.errors import StackError
from stack.postgres import BINARIES
from stack.services import EVENT


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

    def with_values(statement: Any) -> str:
        sql = re.sub(r"(?<!:):([a-z_]+)", lambda name: values[name[1]], statement.element.text)
        return " ".join(sql.split())

    take = with_values(statements.TAKE_ANY).replace(
        "SELECT taken.id, taken.position,",
        "SELECT taken.id AS seat_id, taken.position AS seat_position,",
    )
    lines = [
        f"\\set start random(1, {capacity})",
        "BEGIN;",
        # One statement more than the service sends: its booking id is made by Python.
        "SELECT gen_random_uuid() AS b \\gset",
        with_values(statements.OPEN) + ";",
        take + " \\gset",
        with_values(statements.WRITE) + ";",
        "COMMIT;",
    ]
    return "\n".join(lines) + "\n"


def bookings_per_second(bench: Bench, event_id: str, capacity: int) -> float:
    """On as many connections as the service has."""
    script = bench.var / "booking.sql"
    script.write_text(_script(event_id, capacity))
    command = [str(BINARIES / "pgbench"), "--no-vacuum", "--jobs=2"]
    command += [f"--client={DATABASE_POOL_SIZE}", f"--time={bench.seconds}", f"--file={script}"]
    command.append(bench.environments.database_url(EVENT))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rate = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode or not rate:
        raise StackError(f"bench: pgbench: {done.stderr.strip()[-500:]}")
    return float(rate[1])
