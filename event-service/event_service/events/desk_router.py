"""What an organizer does with an event beside changing it: see what a change would do, and make another."""

from uuid import UUID

from fastapi import Response, status

from event_service.deps import CurrentUser, IfMatch, SettingsDep
from event_service.events import copies, previews
from event_service.events.copies import EventCopy
from event_service.events.drafts import SerializedWrites
from event_service.events.previews import ChangePreview
from event_service.events.representation import event_response
from event_service.events.schemas import EventPublic, EventUpdate, PlanPublic
from event_service.problems import EventCancelled, TooManyDraftSeats
from service_kit.clock import utc_now
from service_kit.database.engine import SessionDep
from service_kit.problems import (
    Forbidden,
    NotAuthenticated,
    NotFound,
    VersionMismatch,
    problem_responses,
)
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited
from service_kit.web.requests import long_body

router = Router(prefix="/api/v1/events/{event_id}", tags=["events"])


@router.get(
    "/plan",
    summary="Show the plan of an event's hall as it would be sent to make the same",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound),
)
async def get_event_plan(event_id: UUID, user: CurrentUser, session: SessionDep) -> PlanPublic:
    return await copies.get_plan(session, event_id, by=user)


@router.post(
    "/changes/preview",
    summary="See whom a change of an event would be told, and change nothing",
    description="The body is that of `PATCH /events/{event_id}`.",
    responses=problem_responses(
        NotAuthenticated, Forbidden, NotFound, VersionMismatch, EventCancelled
    ),
)
@long_body
@limited("event_write")
async def preview_event_change(
    event_id: UUID, change: EventUpdate, user: CurrentUser, session: SessionDep, version: IfMatch
) -> ChangePreview:
    return await previews.preview_change(
        session, event_id, change, by=user, version=version, now=utc_now()
    )


@router.post(
    "/cancel/preview",
    summary="See whom the cancellation of an event would be told, and cancel nothing",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound),
)
@limited("event_write")
async def preview_event_cancellation(
    event_id: UUID, user: CurrentUser, session: SessionDep
) -> ChangePreview:
    return await previews.preview_cancellation(session, event_id, by=user, now=utc_now())


@router.post(
    "/duplicate",
    status_code=status.HTTP_201_CREATED,
    response_model=EventPublic,
    summary="Make a draft from an event: its texts, prices, plan and image at another time",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound, TooManyDraftSeats),
    dependencies=[SerializedWrites],
)
@limited("event_write")
async def duplicate_event(
    event_id: UUID, copy: EventCopy, user: CurrentUser, session: SessionDep, settings: SettingsDep
) -> Response:
    event = await copies.duplicate_event(
        session, event_id, copy, by=user, max_draft_seats=settings.max_draft_seats
    )
    response = await event_response(session, event.id, user, status.HTTP_201_CREATED)
    response.headers["Location"] = f"/api/v1/events/{event.id}"
    return response
