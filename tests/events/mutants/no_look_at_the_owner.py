"""Takes a seat without a look at who has it."""

from event_service.bookings.sql import statements
from event_service.rules import IS_FREE
from tests.events.mutants.rewriting import rewritten
from tests.events.mutants.serving import serve_mutant

GUARD = f"AND {IS_FREE}"

if __name__ == "__main__":
    for name in ("lock_chosen_seats", "lock_seats_waiting", "insert_bookings"):
        setattr(statements, name, rewritten(getattr(statements, name), (GUARD, "")))
    serve_mutant()
