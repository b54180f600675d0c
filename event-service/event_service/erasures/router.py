"""Routes for auth-service: the erasure of an account, and what prevents it."""

from uuid import UUID

from fastapi import Request, status

from event_service.deps import DatabaseDep, SettingsDep
from event_service.erasures import queries, service
from event_service.erasures.schemas import Erasure, OrganizerPublic
from service_kit.database.engine import SessionDep
from service_kit.problems import Forbidden, NotAuthenticated, problem_responses
from service_kit.web.auth import Router, require_scope

router = Router(prefix="/api/v1", tags=["erasures"])


@router.post(
    "/bookings/erasures",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Erase an account; safe to repeat",
    dependencies=[require_scope("users:erase")],
    responses=problem_responses(NotAuthenticated, Forbidden),
)
async def erase_account(
    request: Request, erasure: Erasure, database: DatabaseDep, settings: SettingsDep
) -> None:
    await service.erase_account(
        database, erasure.user_id, offer_for=settings.offer_for, state=request.app.state
    )


@router.get(
    "/events/organizers/{user_id}",
    summary="Count an organizer's published events that have not ended",
    dependencies=[require_scope("events:organizers")],
    responses=problem_responses(NotAuthenticated, Forbidden),
)
async def get_organizer(user_id: UUID, session: SessionDep) -> OrganizerPublic:
    return OrganizerPublic(upcoming_events=await queries.count_upcoming_events(session, user_id))
