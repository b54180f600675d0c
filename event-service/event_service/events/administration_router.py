"""``/api/v1/events/all``, for superusers."""

from typing import Annotated

from fastapi import Query

from event_service.deps import PagingDep
from event_service.events.administration import AllEventsQuery, list_all_events
from event_service.events.schemas import EventPublic
from service_kit.database.engine import SessionDep
from service_kit.problems import Forbidden, NotAuthenticated, problem_responses
from service_kit.web.auth import Router, Superuser
from service_kit.web.paging import Page

router = Router(prefix="/api/v1/events", tags=["administration"])


@router.get(
    "/all",
    summary="List the events of everybody in every status, the newest first (superusers only)",
    responses=problem_responses(NotAuthenticated, Forbidden),
)
async def list_events_of_all(
    query: Annotated[AllEventsQuery, Query()],
    user: Superuser,
    session: SessionDep,
    paging: PagingDep,
) -> Page[EventPublic]:
    return await list_all_events(session, query, paging)
