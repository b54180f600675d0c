"""``/api/v1/bookings``"""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response, status

from event_service.bookings import cancel, confirm, queries
from event_service.bookings.create import BookingDeskDep
from event_service.bookings.guest_names import clean_guest_name, set_guest_name
from event_service.bookings.representation import respond
from event_service.bookings.requests import BookingRequest
from event_service.bookings.schemas import (
    BookingCancel,
    BookingChanges,
    BookingCreate,
    BookingPublic,
    BookingQuery,
    WholeBooking,
)
from event_service.deps import (
    CurrentUser,
    DatabaseDep,
    EventVersion,
    IdempotencyKeyHeader,
    PagingDep,
    SettingsDep,
)
from event_service.problems import (
    BookingEnded,
    CancellationClosed,
    CheckedIn,
    EventChanged,
    HoldExpired,
    IdempotencyMismatch,
    RequestInProgress,
    SalesClosed,
    SeatLimitReached,
    SeatsUnavailable,
    SoldOut,
)
from service_kit.clock import utc_now
from service_kit.database.engine import SessionDep
from service_kit.problems import NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router
from service_kit.web.paging import Page
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/bookings", tags=["bookings"])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=BookingPublic,
    summary="Book seats, or hold them for a while: all or none",
    responses=problem_responses(
        NotAuthenticated, NotFound, SeatsUnavailable, SoldOut, SalesClosed, EventChanged,
        SeatLimitReached, RequestInProgress, IdempotencyMismatch,
    ),
)  # fmt: skip
@limited("booking")
async def create_booking(
    body: BookingCreate,
    user: CurrentUser,
    desk: BookingDeskDep,
    key: IdempotencyKeyHeader,
    event_version: EventVersion,
) -> Response:
    guest_name = clean_guest_name(user.name)
    request = BookingRequest(user.user_id, body, key, guest_name, event_version)
    booked, is_replay = await desk.book(request)
    headers = {"Location": f"/api/v1/bookings/{booked['id']}", "Cache-Control": "no-store"}
    if is_replay:
        headers["Idempotency-Replayed"] = "true"
    return respond(booked, status.HTTP_201_CREATED, headers)


@router.get(
    "",
    response_model=Page[BookingPublic],
    summary="List one's own bookings",
    description="A page ends early where its bookings have very many seats.",
    responses=problem_responses(NotAuthenticated),
)
async def list_bookings(
    query: Annotated[BookingQuery, Query()],
    paging: PagingDep,
    user: CurrentUser,
    session: SessionDep,
) -> Response:
    return respond(await queries.list_bookings(session, user.user_id, query, paging))


@router.get(
    "/{booking_id}",
    response_model=BookingPublic,
    summary="Show one of one's own bookings",
    responses=problem_responses(NotAuthenticated, NotFound),
)
async def get_booking(booking_id: UUID, user: CurrentUser, session: SessionDep) -> Response:
    return respond(await queries.get_booking(session, booking_id, user_id=user.user_id))


@router.patch(
    "/{booking_id}",
    response_model=BookingPublic,
    summary="Name the guest of a booking",
    responses=problem_responses(NotAuthenticated, NotFound),
)
@limited("booking")
async def update_booking(
    booking_id: UUID, body: BookingChanges, user: CurrentUser, session: SessionDep
) -> Response:
    await set_guest_name(session, booking_id, body.guest_name, by=user.user_id)
    return respond(await queries.show_booking(session, booking_id))


@router.post(
    "/{booking_id}/confirm",
    response_model=BookingPublic,
    summary="Turn a hold into a booking",
    responses=problem_responses(
        NotAuthenticated, NotFound, HoldExpired, BookingEnded, SalesClosed, EventChanged,
    ),
)  # fmt: skip
@limited("booking")
async def confirm_booking(
    booking_id: UUID,
    user: CurrentUser,
    database: DatabaseDep,
    event_version: EventVersion,
    _: WholeBooking | None = None,
) -> Response:
    work = partial(
        confirm.confirm_booking, booking_id=booking_id, by=user.user_id, event_version=event_version
    )
    return respond(await database.run(work))


@router.post(
    "/{booking_id}/cancel",
    response_model=BookingPublic,
    summary="Cancel a booking, or some of its seats; they are free at once",
    responses=problem_responses(NotAuthenticated, NotFound, CheckedIn, CancellationClosed),
)
@limited("booking")
async def cancel_booking(
    booking_id: UUID,
    user: CurrentUser,
    database: DatabaseDep,
    settings: SettingsDep,
    body: BookingCancel | None = None,
) -> Response:
    work = partial(
        cancel.cancel_booking,
        booking_id=booking_id,
        by=user.user_id,
        now=utc_now(),
        offer_for=settings.offer_for,
        seat_ids=body.seat_ids if body else None,
    )
    return respond(await database.run(work))
