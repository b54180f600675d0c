"""Looks once, from somewhere on, for seats that nobody has locked, and says "sold out" after that."""

from typing import Any

from event_service.bookings import create, statements
from event_service.problems import SoldOut
from service_kit.database.engine import TryAgain
from tests.events.mutants.rewriting import rewritten
from tests.events.mutants.serving import serve_mutant

SECOND_HALF = "LIMIT :seats - (SELECT count(*) FROM ahead)\n"

POSSIBLE = "WHERE id IN (SELECT id FROM possible)"


async def say_so_at_once(*_: Any) -> None:
    raise SoldOut(available=0)


async def begin_no_more(self: Any, *arguments: Any) -> Any:
    try:
        return await take(self, *arguments)
    except TryAgain:
        raise SoldOut(available=0) from None


take = create._Attempt._take


if __name__ == "__main__":
    statements.TAKE_ANY = rewritten(statements.TAKE_ANY, (SECOND_HALF, "LIMIT 0\n"))
    statements.TAKE_ANY_WAITING = rewritten(
        statements.TAKE_ANY_WAITING, (POSSIBLE, f"{POSSIBLE} AND false")
    )
    create._Attempt._refuse_sold_out = say_so_at_once  # type: ignore[assignment, method-assign]
    create._Attempt._take = begin_no_more  # type: ignore[assignment, method-assign]
    serve_mutant()
