"""``/api/v1/events/{event_id}/waitlist`` and ``/api/v1/waitlist``"""

from functools import partial
from uuid import UUID

from fastapi import status

from event_service.bookings.guest_names import clean_guest_name
from event_service.bookings.waitlist import queries, service
from event_service.bookings.waitlist.schemas import (
    OwnWaitlistEntry,
    WaitlistEntryPublic,
    WaitlistJoin,
)
from event_service.deps import CurrentUser, DatabaseDep, PagingDep, SettingsDep
from event_service.problems import (
    AlreadyWaiting,
    NeverAvailable,
    SalesClosed,
    SeatLimitReached,
    SeatsAvailable,
)
from service_kit.clock import utc_now
from service_kit.database.engine import SessionDep
from service_kit.problems import NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router
from service_kit.web.paging import Page
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/events/{event_id}/waitlist", tags=["waitlist"])
own_router = Router(prefix="/api/v1/waitlist", tags=["waitlist"])


@own_router.get(
    "",
    summary="List one's own waitlist entries, the latest first",
    responses=problem_responses(NotAuthenticated),
)
async def list_own_entries(
    paging: PagingDep, user: CurrentUser, session: SessionDep
) -> Page[OwnWaitlistEntry]:
    return await queries.list_own_entries(session, user.user_id, paging)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Join the waitlist of an event without enough free seats",
    responses=problem_responses(
        NotAuthenticated, NotFound, SeatsAvailable, AlreadyWaiting, NeverAvailable, SalesClosed,
        SeatLimitReached,
    ),  # fmt: skip
)
@limited("waitlist")
async def join_waitlist(
    event_id: UUID,
    body: WaitlistJoin,
    user: CurrentUser,
    database: DatabaseDep,
    settings: SettingsDep,
) -> WaitlistEntryPublic:
    return await service.join(
        database,
        event_id,
        body.quantity,
        by=user.user_id,
        guest_name=clean_guest_name(user.name),
        offer_for=settings.offer_for,
    )


@router.get(
    "",
    summary="Show one's own waitlist entry and its position",
    responses=problem_responses(NotAuthenticated, NotFound),
)
async def get_waitlist_entry(
    event_id: UUID, user: CurrentUser, session: SessionDep
) -> WaitlistEntryPublic:
    return await queries.get_own_entry(session, event_id, user_id=user.user_id)


@router.delete(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Leave the waitlist, or pass an offer on to the next",
    responses=problem_responses(NotAuthenticated, NotFound),
)
@limited("waitlist")
async def leave_waitlist(
    event_id: UUID, user: CurrentUser, database: DatabaseDep, settings: SettingsDep
) -> None:
    leave = partial(
        service.leave,
        event_id=event_id,
        by=user.user_id,
        now=utc_now(),
        offer_for=settings.offer_for,
    )
    await database.run(leave)
