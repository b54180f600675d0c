"""One moment of several databases.

A dump is of one database, and PostgreSQL exports a snapshot to its own database only. But the numbers of
transactions are the whole server's, and so is what ``pg_current_snapshot()`` shows: two transactions in two
databases that show the same see the same moment. So one is begun in each database until all show the same.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from deployment.postgres import Server, Session

# Whoever refers to others comes before them: an outbox before what has arrived, bookings before accounts.
# If no common moment is found, each refers to what the later ones have.
DATABASES = ("events", "auth", "notifications")
ATTEMPTS = 500
PATIENCE_SECONDS = 20.0
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_TABLES = """
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""


@dataclass
class Snapshots:
    """Open transactions by database, in each of which nothing changes any more."""

    sessions: dict[str, Session]
    taken_at: datetime
    is_one_moment: bool
    seconds_apart: float

    def exported(self, database: str) -> str:
        """The name by which ``pg_dump --snapshot`` uses it, while its session is open."""
        return self.sessions[database].ask("SELECT pg_export_snapshot()")[0][0]


HEADS = "SELECT version_num FROM alembic_version ORDER BY 1"


def count_rows(ask: Callable[[str], list[list[str]]]) -> dict[str, int]:
    """Rows by table; ``ask`` answers a query."""
    tables = [row[0] for row in ask(_TABLES)]
    return {table: int(ask(f"SELECT count(*) FROM {table}")[0][0]) for table in tables}


@contextmanager
def take_snapshots(
    server: Server, databases: Sequence[str] = DATABASES, *, attempts: int = ATTEMPTS
) -> Iterator[Snapshots]:
    with ExitStack() as stack:
        sessions = {name: stack.enter_context(Session(server, name)) for name in databases}
        for session in sessions.values():
            # They stay open for as long as the dumps take.
            session.ask("SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0")
        yield _find_common_moment(sessions, attempts)


def _find_common_moment(sessions: dict[str, Session], attempts: int) -> Snapshots:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        started = time.monotonic()
        taken_at = datetime.now(UTC).replace(microsecond=0)
        # All are asked before one is answered: what lies between them is as short as it can be.
        for session in sessions.values():
            session.send(f"{_BEGIN}; SELECT pg_current_snapshot()")
        seen = {session.answer()[-1][0] for session in sessions.values()}
        apart = time.monotonic() - started
        attempts -= 1
        is_one_moment = _is_common(seen)
        if is_one_moment or attempts <= 0 or time.monotonic() > until:
            return Snapshots(sessions, taken_at, is_one_moment, 0.0 if is_one_moment else apart)
        for session in sessions.values():
            session.ask("ROLLBACK")


def _is_common(seen: set[str]) -> bool:
    return len(seen) == 1
