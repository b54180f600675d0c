"""Confirms a hold whose time is over, if nobody else has its seats yet."""

from event_service.bookings import statements
from tests.events.mutants.rewriting import rewritten
from tests.events.mutants.serving import serve_mutant

GUARD = "AND seat.held_until > now()"

if __name__ == "__main__":
    statements.KEEP_SEATS = rewritten(statements.KEEP_SEATS, (GUARD, ""))
    serve_mutant()
