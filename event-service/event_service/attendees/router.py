"""What an organizer reads of who comes: bookings, the waitlist and a file of all tickets."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from event_service.attendees import service
from event_service.bookings.representation import respond
from event_service.bookings.schemas import OrganizerBooking, OrganizerBookingQuery
from event_service.bookings.waitlist.schemas import OrganizerWaitlistEntry
from event_service.deps import CurrentUser, DatabaseDep, PagingDep
from event_service.events.queries import required_owner
from event_service.statuses import BookingStatus
from service_kit.messaging.contacts import ContactClient
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router
from service_kit.web.paging import Page
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/events/{event_id}", tags=["attendees"])


async def get_contacts(request: Request) -> ContactClient:
    contacts: ContactClient = request.app.state.contacts
    return contacts


ContactsDep = Annotated[ContactClient, Depends(get_contacts)]


@router.get(
    "/bookings",
    response_model=Page[OrganizerBooking],
    summary="List the bookings of an event, newest first",
    description="A page ends early where its bookings have very many seats.",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound),
)
async def list_event_bookings(
    event_id: UUID,
    query: Annotated[OrganizerBookingQuery, Query()],
    paging: PagingDep,
    user: CurrentUser,
    database: DatabaseDep,
    contacts: ContactsDep,
) -> Response:
    page = await service.list_bookings(
        database, contacts, event_id, query, paging, owner=required_owner(user)
    )
    return respond(page)


@router.get(
    "/waitlist/entries",
    summary="List who waits for seats of an event, in order",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound),
)
async def list_waitlist_entries(
    event_id: UUID,
    paging: PagingDep,
    user: CurrentUser,
    database: DatabaseDep,
    contacts: ContactsDep,
) -> Page[OrganizerWaitlistEntry]:
    page = await service.list_waitlist(
        database, contacts, event_id, paging, owner=required_owner(user)
    )
    return Page[OrganizerWaitlistEntry].model_validate(page)


@router.get(
    "/attendees.csv",
    response_class=StreamingResponse,
    summary="Download the tickets of an event, one a row",
    description="Prices are in major units. Addresses are empty while auth-service does not answer.",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound)
    | {200: {"content": {"text/csv": {}}}},
)
@limited("attendees")
async def download_attendees(
    event_id: UUID,
    user: CurrentUser,
    database: DatabaseDep,
    contacts: ContactsDep,
    status: Annotated[
        BookingStatus | None, Query(description="Without it, confirmed and held ones.")
    ] = None,
) -> StreamingResponse:
    chunks = await service.attendees_file(
        database, contacts, event_id, status, owner=required_owner(user)
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="attendees-{event_id}.csv"',
    }
    return StreamingResponse(chunks, media_type="text/csv; charset=utf-8", headers=headers)
