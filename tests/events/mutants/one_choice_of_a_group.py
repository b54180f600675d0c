"""Says "sold out" to a group of which somebody was faster with a seat, instead of choosing again."""

from typing import Any

from event_service.bookings import allocation
from event_service.problems import SoldOut
from tests.events.mutants.serving import serve_mutant

take_groups = allocation._take_groups


async def take_groups_once(connection: Any, event: Any, undecided: Any, outcomes: list[Any]) -> Any:
    taken = await take_groups(connection, event, undecided, outcomes)
    for number in undecided:
        if number not in taken and outcomes[number] is None:
            outcomes[number] = SoldOut(available=0)
    return taken


if __name__ == "__main__":
    allocation._take_groups = take_groups_once
    serve_mutant()
