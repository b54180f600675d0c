"""Serves with no guard left out, but slowly: a batch stays under way when all of it is written."""

from event_service.bookings.sql import statements
from tests.events.mutants.rewriting import rewritten
from tests.events.mutants.serving import serve_mutant


def write_slowly() -> None:
    slow = ("SELECT count(*) FROM taken", "SELECT count(*) FROM taken, pg_sleep(0.15)")
    statements.insert_bookings = rewritten(statements.insert_bookings, slow)


if __name__ == "__main__":
    write_slowly()
    serve_mutant()
