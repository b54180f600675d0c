"""``/api/v1/events/{event_id}/door``, ``/door-links`` and ``/door-conflicts``"""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response, status

from event_service.checkin.schemas import MAX_TICKET_CODE
from event_service.deps import CurrentUser, DatabaseDep, IfNoneMatch, PagingDep, SettingsDep
from event_service.doors import links, scans
from event_service.doors.access import DoorKeyDep
from event_service.doors.schemas import (
    ConflictPublic,
    DoorGuests,
    DoorLinkCreate,
    DoorLinkPublic,
    DoorPublic,
    DoorSnapshot,
    NewDoorLink,
    ScanAnswers,
    Scans,
)
from event_service.events.queries import required_owner
from event_service.events.representation import pack, respond
from event_service.problems import EventCancelled, TooManyDoorLinks
from service_kit.clock import utc_now
from service_kit.database.engine import SessionDep
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.text import Line
from service_kit.web.auth import Router
from service_kit.web.paging import Page
from service_kit.web.rate_limits import limited

TicketCode = Annotated[str, Path(max_length=MAX_TICKET_CODE)]
MAX_NAME = 200
GuestName = Annotated[
    str, Query(description="A part of a guest's name, in any case and without accents."),
    Line(MAX_NAME, min_length=2),
]  # fmt: skip
REFUSALS = problem_responses(NotAuthenticated, Forbidden, NotFound)

router = Router(prefix="/api/v1/events/{event_id}", tags=["door"])


@router.post(
    "/door-links",
    status_code=status.HTTP_201_CREATED,
    summary="Make a link with which somebody may check in for this event",
    responses=problem_responses(
        NotAuthenticated, Forbidden, NotFound, EventCancelled, TooManyDoorLinks
    ),
)
@limited("event_write")
async def create_door_link(
    event_id: UUID,
    body: DoorLinkCreate,
    user: CurrentUser,
    session: SessionDep,
    settings: SettingsDep,
) -> NewDoorLink:
    return await links.create_link(
        session, event_id, body.name, by=user, now=utc_now(), public_url=settings.public_url
    )


@router.get("/door-links", summary="List the door links of an event", responses=REFUSALS)
async def list_door_links(
    event_id: UUID, paging: PagingDep, user: CurrentUser, session: SessionDep
) -> Page[DoorLinkPublic]:
    return await links.list_links(session, event_id, paging, by=user)


@router.delete(
    "/door-links/{link_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Withdraw a door link at once",
    responses=REFUSALS,
)
@limited("event_write")
async def withdraw_door_link(
    event_id: UUID, link_id: UUID, user: CurrentUser, session: SessionDep
) -> None:
    await links.withdraw_link(session, event_id, link_id, by=user, now=utc_now())


@router.get(
    "/door-conflicts",
    summary="List tickets that were scanned again after somebody was admitted with them",
    responses=REFUSALS,
)
async def list_door_conflicts(
    event_id: UUID, paging: PagingDep, user: CurrentUser, session: SessionDep
) -> Page[ConflictPublic]:
    return await scans.list_conflicts(session, event_id, paging, owner=required_owner(user))


@router.get("/door", summary="Show an event to whoever stands at its door", responses=REFUSALS)
@limited("door")
async def get_door(event_id: UUID, key: DoorKeyDep, session: SessionDep) -> DoorPublic:
    return await scans.show_door(session, event_id, key)


@router.get(
    "/door/snapshot",
    response_model=DoorSnapshot,
    summary="Download the valid tickets as hashes, to scan without a network",
    responses=REFUSALS | {304: {"description": "It is what you have."}},
)
@limited("door_snapshot")
async def get_door_snapshot(
    event_id: UUID, key: DoorKeyDep, session: SessionDep, if_none_match: IfNoneMatch = None
) -> Response:
    snapshot = await scans.read_snapshot(session, event_id, key)
    response = respond(pack(snapshot.encode()), if_none_match, is_personal=True)
    response.headers["Cache-Control"] = "no-store"
    return response


@router.post(
    "/door/scans",
    summary="Check in with scanned tickets, each scan once",
    description="A phone sends each scan at once, or keeps it while it has no network; with the same id it"
    " may be sent again. Scans from before the event's end are taken up to 12 hours after it.",
    responses=REFUSALS,
)
@limited("door")
async def take_door_scans(
    event_id: UUID, body: Scans, key: DoorKeyDep, database: DatabaseDep
) -> ScanAnswers:
    return await scans.take_scans(database, event_id, body.scans, key)


@router.get("/door/guests", summary="Find guests by name at the door", responses=REFUSALS)
@limited("door")
async def find_door_guests(
    event_id: UUID, q: GuestName, key: DoorKeyDep, session: SessionDep
) -> DoorGuests:
    return await scans.find_guests(session, event_id, q, key)


@router.delete(
    "/door/check-ins/{ticket_code}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Undo a check-in at the door",
    responses=REFUSALS,
)
@limited("door")
async def undo_door_check_in(
    event_id: UUID, ticket_code: TicketCode, key: DoorKeyDep, database: DatabaseDep
) -> None:
    await database.run(
        partial(scans.undo_check_in, event_id=event_id, ticket_code=ticket_code, key=key)
    )
