"""Confirms a hold whose time is over, if nobody else has its seats yet."""

from sqlalchemy import text

from event_service.bookings import statements
from tests.events.unguarded.serving import serve_unguarded

GUARD = "AND seat.held_until > now()"

if __name__ == "__main__":
    guarded = statements.KEEP_SEATS
    assert GUARD in guarded.text
    plain = text(guarded.text.replace(GUARD, ""))
    statements.KEEP_SEATS = plain.bindparams(*guarded._bindparams.values())
    serve_unguarded()
