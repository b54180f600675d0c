"""``/api/v1/bookings/me/data``"""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from event_service.bookings.queries import list_bookings
from event_service.bookings.schemas import BookingPublic, BookingQuery
from event_service.bookings.waitlist.queries import list_own_entries
from event_service.bookings.waitlist.schemas import OwnWaitlistEntry
from event_service.deps import CurrentUser, DatabaseDep
from event_service.events.lists import list_events
from event_service.events.schemas import EventPublic, EventQuery
from event_service.halls.schemas import HallPublic
from event_service.halls.service import get_hall, list_halls
from service_kit.database.engine import Database
from service_kit.problems import NotAuthenticated, problem_responses
from service_kit.web.auth import Router
from service_kit.web.downloads import batches, json_download
from service_kit.web.paging import Paging
from service_kit.web.rate_limits import limited

Items = tuple[Sequence[Any], str | None]

router = Router(prefix="/api/v1/bookings/me/data", tags=["bookings"])


class BookingData(BaseModel):
    """What event-service knows of a person; ``events`` and ``halls`` of an organizer."""

    bookings: list[BookingPublic]
    waitlist: list[OwnWaitlistEntry]
    events: list[EventPublic]
    halls: list[HallPublic]


@router.get(
    "",
    response_model=BookingData,
    response_class=StreamingResponse,
    summary="Download one's own bookings, waitlist entries, events and halls",
    responses=problem_responses(NotAuthenticated) | {200: {"content": {"application/json": {}}}},
)
@limited("data_download")
async def download_own_bookings(user: CurrentUser, database: DatabaseDep) -> StreamingResponse:
    lists = {
        name: batches(partial(page_of, database, user.user_id))
        for name, page_of in (
            ("bookings", _bookings),
            ("waitlist", _waitlist),
            ("events", _events),
            ("halls", _halls),
        )
    }
    return json_download("bookings.json", {}, lists)


async def _bookings(database: Database, user_id: UUID, paging: Paging) -> Items:
    async with database.transaction() as session:
        page = await list_bookings(session, user_id, BookingQuery(), paging)
    return page["items"], page["next_cursor"]


async def _waitlist(database: Database, user_id: UUID, paging: Paging) -> Items:
    async with database.transaction() as session:
        page = await list_own_entries(session, user_id, paging)
    return page.items, page.next_cursor


async def _events(database: Database, user_id: UUID, paging: Paging) -> Items:
    async with database.transaction() as session:
        page, _ = await list_events(session, EventQuery(organizer="me"), paging, owner=user_id)
    return page.items, page.next_cursor


async def _halls(database: Database, user_id: UUID, paging: Paging) -> Items:
    async with database.transaction() as session:
        page = await list_halls(session, user_id, paging)
        halls = [await get_hall(session, hall.id, by=user_id) for hall in page.items]
        return [HallPublic.model_validate(h, from_attributes=True) for h in halls], page.next_cursor
