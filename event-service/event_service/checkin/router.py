"""``/api/v1/events/{event_id}/check-ins``"""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Path, status

from event_service.checkin import service
from event_service.checkin.schemas import MAX_TICKET_CODE, CheckInCreate, CheckInPublic
from event_service.deps import CurrentUser, DatabaseDep
from event_service.events.queries import required_owner
from event_service.problems import AlreadyCheckedIn
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

TicketCode = Annotated[str, Path(max_length=MAX_TICKET_CODE)]

router = Router(prefix="/api/v1/events/{event_id}/check-ins", tags=["check-in"])


@router.post(
    "",
    summary="Check a ticket in, once",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound, AlreadyCheckedIn),
)
@limited("check_in")
async def check_in(
    event_id: UUID, body: CheckInCreate, user: CurrentUser, database: DatabaseDep
) -> CheckInPublic:
    check_in = partial(
        service.check_in,
        event_id=event_id,
        ticket_code=body.ticket_code,
        owner=required_owner(user),
    )
    return await database.run(check_in)


@router.delete(
    "/{ticket_code}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Undo a check-in",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound),
)
@limited("check_in")
async def undo_check_in(
    event_id: UUID, ticket_code: TicketCode, user: CurrentUser, database: DatabaseDep
) -> None:
    undo = partial(
        service.undo_check_in,
        event_id=event_id,
        ticket_code=ticket_code,
        owner=required_owner(user),
    )
    await database.run(undo)
