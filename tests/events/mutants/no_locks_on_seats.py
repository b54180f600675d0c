"""Looks for free seats without locking them, and takes them without another look."""

from event_service.bookings.sql import statements
from event_service.rules import IS_FREE
from tests.events.mutants.rewriting import rewritten
from tests.events.mutants.serving import serve_mutant

GUARD = f"AND {IS_FREE}"

if __name__ == "__main__":
    # Whoever looks takes a moment, so that others look meanwhile.
    statements.lock_any_seats = rewritten(
        statements.lock_any_seats,
        ("FOR UPDATE SKIP LOCKED", ""),
        ("SELECT seat.id,", "SELECT pg_sleep(0.02), seat.id,"),
    )
    for name in ("lock_seats_waiting", "insert_bookings"):
        setattr(statements, name, rewritten(getattr(statements, name), (GUARD, "")))
    serve_mutant()
