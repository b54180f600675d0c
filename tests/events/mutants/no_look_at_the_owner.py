"""Takes a seat without a look at who has it."""

from event_service.bookings import statements
from tests.events.mutants.rewriting import rewritten
from tests.events.mutants.serving import serve_mutant

GUARD = "AND (seat.booking_id IS NULL OR seat.held_until <= now())"

if __name__ == "__main__":
    for name in ("TAKE_ANY", "TAKE_ANY_WAITING", "TAKE_CHOSEN"):
        setattr(statements, name, rewritten(getattr(statements, name), (GUARD, "")))
    serve_mutant()
