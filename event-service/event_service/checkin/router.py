"""``/api/v1/events/{event_id}/check-ins``"""

from uuid import UUID

from fastapi import status

from event_service.checkin import service
from event_service.checkin.schemas import CheckInCreate, CheckInPublic
from event_service.db import SessionDep
from event_service.deps import CurrentUser
from event_service.errors import AlreadyCheckedIn
from service_kit.admission import Router
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, answers
from service_kit.rate_limits import limited

router = Router(prefix="/api/v1/events/{event_id}/check-ins", tags=["check-in"])


@router.post(
    "",
    summary="Let the bearer of a ticket in, once",
    responses=answers(NotAuthenticated, Forbidden, NotFound, AlreadyCheckedIn),
)
@limited("check_in")
async def check_in(
    event_id: UUID, presented: CheckInCreate, user: CurrentUser, session: SessionDep
) -> CheckInPublic:
    return await service.check_in(session, event_id, presented.ticket_code, by=user.user_id)


@router.delete(
    "/{ticket_code}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Undo a check-in",
    responses=answers(NotAuthenticated, Forbidden, NotFound),
)
@limited("check_in")
async def undo_check_in(
    event_id: UUID, ticket_code: str, user: CurrentUser, session: SessionDep
) -> None:
    await service.undo_check_in(session, event_id, ticket_code, by=user.user_id)
