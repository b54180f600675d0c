"""Confirms a hold whose time is over, if nobody else has its seats yet."""

from event_service.bookings.sql import statements
from tests.events.mutants.rewriting import rewritten
from tests.events.mutants.serving import serve_mutant

GUARD = "AND seat.held_until > now()"

if __name__ == "__main__":
    statements.keep_seats = rewritten(statements.keep_seats, (GUARD, ""))
    serve_mutant()
