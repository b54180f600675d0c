"""``/api/v1/events/{event_id}/sales``, for the organizer and superusers."""

from uuid import UUID

from event_service.deps import CurrentUser
from event_service.events.queries import required_owner
from event_service.sales import queries
from event_service.sales.schemas import SalesPublic
from service_kit.database.engine import SessionDep
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/events/{event_id}/sales", tags=["sales"])


@router.get(
    "",
    summary="Sum up what an event has sold, by section and by day",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound),
)
@limited("attendees")
async def get_sales(event_id: UUID, user: CurrentUser, session: SessionDep) -> SalesPublic:
    return await queries.read_sales(session, event_id, owner=required_owner(user))
