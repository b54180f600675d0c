"""Looks once for seats that nobody has locked, and says "sold out" after that."""

from event_service.bookings.sql import statements
from event_service.rules import IS_FREE
from tests.events.mutants.rewriting import rewritten
from tests.events.mutants.serving import serve_mutant

GUARD = f"AND {IS_FREE}"

if __name__ == "__main__":
    for name, guard in (
        ("lock_seats_waiting", GUARD),
        ("count_free_seats", "event_id = :event_id"),
    ):
        setattr(
            statements, name, rewritten(getattr(statements, name), (guard, f"{guard} AND false"))
        )
    # Whoever finds too few has others meet its locks.
    slow = rewritten(
        statements.lock_any_seats, ("SELECT seat.id,", "SELECT pg_sleep(0.02), seat.id,")
    )
    statements.lock_any_seats = slow
    serve_mutant()
