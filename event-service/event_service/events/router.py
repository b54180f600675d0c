"""``/api/v1/events``"""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response, status

from event_service.deps import (
    CurrentUser,
    IfMatch,
    IfNoneMatch,
    OptionalUser,
    PagingDep,
    SettingsDep,
    VerifiedUser,
)
from event_service.events import queries, service
from event_service.events.drafts import SerializedWrites
from event_service.events.pages import Draft, PagesDep
from event_service.events.representation import (
    compress,
    event_response,
    pack,
    respond,
)
from event_service.events.schemas import (
    Availability,
    CancelEvent,
    EventCreate,
    EventPublic,
    EventQuery,
    EventUpdate,
    Facets,
    SeatMap,
    SeatPlanPublic,
    SeatStatesPublic,
)
from event_service.events.seat_states import SeatStatesDep
from event_service.problems import (
    CapacityInUse,
    EmailNotVerified,
    EventCancelled,
    EventHasBookings,
    TooManyDraftSeats,
)
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
from service_kit.web.encodings import takes_gzip
from service_kit.web.paging import Page
from service_kit.web.rate_limits import limited
from service_kit.web.requests import long_body

router = Router(prefix="/api/v1/events", tags=["events"])

UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "It is what you have."}}


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=EventPublic,
    summary="Create an event as a draft",
    responses=problem_responses(NotAuthenticated, TooManyDraftSeats),
    dependencies=[SerializedWrites],
)
@long_body
@limited("event_write")
async def create_event(
    new: EventCreate, user: CurrentUser, session: SessionDep, settings: SettingsDep
) -> Response:
    event = await service.create_event(
        session, new, by=user.user_id, now=utc_now(), max_draft_seats=settings.max_draft_seats
    )
    response = await event_response(session, event.id, user, status.HTTP_201_CREATED)
    response.headers["Location"] = f"/api/v1/events/{event.id}"
    return response


@router.get(
    "",
    response_model=Page[EventPublic],
    summary="List published events that have not begun, or one's own",
    responses=problem_responses(NotAuthenticated) | UNCHANGED,
)
async def list_events(
    query: Annotated[EventQuery, Query()],
    paging: PagingDep,
    pages: PagesDep,
    user: OptionalUser,
    if_none_match: IfNoneMatch = None,
) -> Response:
    packed = await pages.event_list(query, paging, user)
    return respond(packed, if_none_match, is_personal=query.organizer == "me")


@router.get(
    "/facets",
    response_model=Facets,
    summary="Count the events of the list by city and category, the most frequent first",
    responses=UNCHANGED,
)
async def get_facets(pages: PagesDep, if_none_match: IfNoneMatch = None) -> Response:
    return respond(await pages.facets(), if_none_match)


@router.get(
    "/{event_id}",
    response_model=EventPublic,
    summary="Show an event",
    responses=problem_responses(NotFound) | UNCHANGED,
)
async def get_event(
    event_id: UUID, pages: PagesDep, user: OptionalUser, if_none_match: IfNoneMatch = None
) -> Response:
    packed = await pages.event(event_id, user)
    return respond(packed, if_none_match, is_personal=isinstance(packed, Draft))


@router.get(
    "/{event_id}/calendar.ics",
    response_class=Response,
    summary="Download an event as a calendar file",
    responses=problem_responses(NotFound) | UNCHANGED | {200: {"content": {"text/calendar": {}}}},
)
async def get_event_calendar(
    event_id: UUID, pages: PagesDep, settings: SettingsDep, if_none_match: IfNoneMatch = None
) -> Response:
    packed = await pages.calendar(event_id, settings.public_url)
    response = respond(packed, if_none_match, media_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{event_id}.ics"'
    return response


@router.patch(
    "/{event_id}",
    response_model=EventPublic,
    summary="Change an event",
    responses=problem_responses(
        NotAuthenticated,
        Forbidden,
        NotFound,
        VersionMismatch,
        CapacityInUse,
        EventCancelled,
        TooManyDraftSeats,
    ),
    dependencies=[SerializedWrites],
)
@long_body
@limited("event_write")
async def update_event(
    event_id: UUID,
    change: EventUpdate,
    user: CurrentUser,
    session: SessionDep,
    settings: SettingsDep,
    version: IfMatch,
) -> Response:
    event = await service.update_event(
        session,
        event_id,
        change,
        by=user,
        version=version,
        now=utc_now(),
        max_draft_seats=settings.max_draft_seats,
        offer_for=settings.offer_for,
    )
    return await event_response(session, event.id, user)


@router.post(
    "/{event_id}/publish",
    response_model=EventPublic,
    summary="Publish a draft",
    responses=problem_responses(
        NotAuthenticated, EmailNotVerified, Forbidden, NotFound, EventCancelled
    ),
)
@limited("event_write")
async def publish_event(event_id: UUID, user: VerifiedUser, session: SessionDep) -> Response:
    event = await service.publish_event(session, event_id, by=user, now=utc_now())
    return await event_response(session, event.id, user)


@router.post(
    "/{event_id}/cancel",
    response_model=EventPublic,
    summary="Cancel an event with all its bookings",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound),
)
@limited("event_write")
async def cancel_event(
    event_id: UUID, user: CurrentUser, session: SessionDep, body: CancelEvent | None = None
) -> Response:
    reason = body.reason if body else None
    event = await service.cancel_event(session, event_id, by=user, reason=reason, now=utc_now())
    return await event_response(session, event.id, user)


@router.delete(
    "/{event_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a draft",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound, EventHasBookings),
)
@limited("event_write")
async def delete_event(event_id: UUID, user: CurrentUser, session: SessionDep) -> None:
    await service.delete_event(session, event_id, by=user.user_id)


@router.get(
    "/{event_id}/availability",
    summary="Count the seats of an event by state",
    responses=problem_responses(NotFound),
)
async def get_availability(event_id: UUID, user: OptionalUser, session: SessionDep) -> Availability:
    viewer = await queries.viewer_of(session, event_id, user)
    return await queries.get_availability(session, event_id, viewer=viewer)


@router.get(
    "/{event_id}/seats",
    response_model=SeatMap,
    summary="Show the seat map of an event with assigned seats",
    responses=problem_responses(NotFound) | UNCHANGED,
)
async def get_seats(
    event_id: UUID,
    user: OptionalUser,
    session: SessionDep,
    request: Request,
    if_none_match: IfNoneMatch = None,
) -> Response:
    viewer = await queries.viewer_of(session, event_id, user)
    seats = await queries.get_seat_map(session, event_id, viewer=viewer)
    # Many may look at a large hall at once: nobody waits for their connections meanwhile.
    await session.close()
    packed = pack(seats.encode())
    if is_compressed := takes_gzip(request):
        # A large hall takes some tenths of a second, and less than a quarter of the bytes.
        packed = await asyncio.to_thread(compress, packed)
    return respond(packed, if_none_match, is_personal=user is not None, is_compressed=is_compressed)


@router.get(
    "/{event_id}/seats/plan",
    response_model=SeatPlanPublic,
    summary="Show the rows of a seat map without ids and states, in a fiftieth of its bytes",
    responses=problem_responses(NotFound) | UNCHANGED,
)
async def get_seat_plan(
    event_id: UUID,
    user: OptionalUser,
    cache: SeatStatesDep,
    request: Request,
    if_none_match: IfNoneMatch = None,
) -> Response:
    states = await cache.get(event_id)
    # Before a plan is made for somebody who may not see it.
    states.check_visible(user)
    plan = await cache.get_plan(event_id, states.content.version)
    return states.response(plan, user, if_none_match, takes_gzip=takes_gzip(request))


@router.get(
    "/{event_id}/seats/states",
    response_model=SeatStatesPublic,
    summary="Show the states of the seats of a map, at most a second old",
    responses=problem_responses(NotFound) | UNCHANGED,
)
async def get_seat_states(
    event_id: UUID,
    user: OptionalUser,
    cache: SeatStatesDep,
    request: Request,
    if_none_match: IfNoneMatch = None,
) -> Response:
    states = await cache.get(event_id)
    return states.response(states.content, user, if_none_match, takes_gzip=takes_gzip(request))
