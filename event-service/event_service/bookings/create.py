"""Booking or holding seats: one short transaction, all seats or none."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings import statements
from event_service.bookings.expire import expire_holds_and_offer_seats, release_expired_holds
from event_service.bookings.insert import NewBooking, NewMessage, insert_booking, new_tickets
from event_service.bookings.messages import booking_message
from event_service.bookings.offers import is_waitlist_due
from event_service.bookings.queries import count_free_seats, find_idempotency_key, get_booking
from event_service.bookings.representation import Json, booking_fields, seats_of
from event_service.bookings.schemas import BookingCreate
from event_service.models import IdempotencyKey
from event_service.problems import (
    IdempotencyMismatch,
    RequestInProgress,
    SalesClosed,
    SeatLimitReached,
    SeatsUnavailable,
    SoldOut,
)
from event_service.rules import may_see
from event_service.statuses import BookingStatus
from service_kit.clock import utc_now
from service_kit.database.engine import Database, TryAgain
from service_kit.database.errors import constraint_name, sqlstate
from service_kit.database.statements import Record, compiled
from service_kit.ids import new_id
from service_kit.problems import NotAuthenticated, NotFound

LOCK_NOT_AVAILABLE = "55P03"
KEYS = IdempotencyKey.__tablename__


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """Who books what, under which idempotency key (None: without)."""

    user_id: UUID
    body: BookingCreate
    key: str | None
    hold_for: timedelta
    offer_for: timedelta
    waitlist_first: bool = True
    guest_name: str | None = None

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.body.model_dump_json().encode()).hexdigest()


class WaitlistHasPriority(Exception):
    """Free seats are due to somebody on the waitlist: they are offered before this booking goes on."""


async def book(database: Database, request: BookingRequest) -> tuple[Json, bool]:
    """Returns the booking in the form of BookingPublic, and whether it is a replay of an earlier request.

    Raises the problems of ``POST /bookings``; then nothing is stored.
    """
    try:
        return await database.run_plain(_Attempt(database, request).run)
    except WaitlistHasPriority:
        changes = await database.run(partial(_offer_seats, request))
        return await book(database, replace(request, waitlist_first=changes > 0))
    except IntegrityError as error:
        if constraint_name(error) != "ck_seat_allowance_limit":
            raise
    release = partial(
        release_expired_holds,
        user_id=request.user_id,
        event_id=request.body.event_id,
        seats=request.body.seat_count,
        offer_for=request.offer_for,
    )
    if await database.run(release):
        # Lapsed holds were still counted towards the limit, by this transaction or the sweeper's.
        return await book(database, request)
    raise SeatLimitReached("Seats that you have booked, hold or wait for count together.")


async def _offer_seats(request: BookingRequest, session: AsyncSession) -> int:
    return await expire_holds_and_offer_seats(
        session, request.body.event_id, now=utc_now(), offer_for=request.offer_for
    )


class _Attempt:
    """One request over its retries: the first attempt skips locked seats, the next ones wait for them."""

    def __init__(self, database: Database, request: BookingRequest) -> None:
        self.database = database
        self.request = request
        self.waits_for_locked_seats = False

    async def run(self, connection: AsyncConnection) -> tuple[Json, bool]:
        request = self.request
        booking_id = new_id()
        row = await self._open(connection, booking_id)
        if request.key and (row is None or not row.keyed):
            async with self.database.session_on(connection) as session:
                replay = await _find_replay(session, request)
            if replay is not None:
                return replay, True
        event = _check_event(row, request)
        if (
            event.has_waitlist
            and request.waitlist_first
            and await is_waitlist_due(connection, event.id)
        ):
            raise WaitlistHasPriority
        held_until = None
        if request.body.hold:
            held_until = min(event.now + request.hold_for, event.ends_at)
        seats = await self._take(
            connection,
            {
                "event_id": event.id,
                "booking_id": booking_id,
                "held_until": held_until,
                "price": event.price,
            },
            event.capacity,
        )
        return await _write(connection, request, event, booking_id, seats, held_until), False

    async def _open(self, connection: AsyncConnection, booking_id: UUID) -> Row[Any] | None:
        request = self.request
        try:
            rows = await connection.execute(
                statements.OPEN,
                {
                    "event_id": request.body.event_id,
                    "user_id": request.user_id,
                    "booking_id": booking_id,
                    "key": request.key,
                    "fingerprint": request.fingerprint if request.key else None,
                    "seats": request.body.seat_count,
                },
            )
        except DBAPIError as error:
            if _is_lock_timeout_on_key(error):
                raise RequestInProgress from None
            raise
        return rows.one_or_none()

    async def _take(
        self, connection: AsyncConnection, parameters: dict[str, Any], capacity: int
    ) -> Sequence[Record]:
        body = self.request.body
        if body.seat_ids is not None:
            chosen = parameters | {"seat_ids": body.seat_ids}
            seats = await compiled(statements.TAKE_CHOSEN).rows(connection, **chosen)
            missing = set(body.seat_ids) - {seat.id for seat in seats}
            if missing:
                raise SeatsUnavailable(seat_ids=sorted(str(seat_id) for seat_id in missing))
            return seats
        parameters |= {"seats": body.quantity}
        if not self.waits_for_locked_seats:
            start = random.randint(1, capacity)
            seats = await compiled(statements.TAKE_ANY).rows(connection, **parameters, start=start)
            if len(seats) == body.seat_count:
                return seats
            # Another transaction may hold locks on free seats and roll back. Waiting for it while
            # holding locks could be a deadlock, so the transaction ends first; also after an empty
            # answer: under READ COMMITTED, SKIP LOCKED locks a seat, sees that its newest version is
            # taken, returns nothing and keeps the lock until the transaction ends.
            self.waits_for_locked_seats = True
            raise TryAgain
        seats = await compiled(statements.TAKE_ANY_WAITING).rows(connection, **parameters)
        if len(seats) < body.seat_count:
            await self._refuse_sold_out(connection, parameters, len(seats))
        return seats

    async def _refuse_sold_out(
        self, connection: AsyncConnection, parameters: dict[str, Any], taken: int
    ) -> None:
        """Raises SoldOut if a new snapshot confirms it, else TryAgain."""
        # The seats that this transaction took count as free: it rolls back.
        available = taken + await count_free_seats(connection, parameters["event_id"])
        if available >= self.request.body.seat_count:
            raise TryAgain
        raise SoldOut(available=available)


def _is_lock_timeout_on_key(error: DBAPIError) -> bool:
    """Whether the lock timeout ended a wait for a request with the same key, and not for another lock:
    PostgreSQL names the table in the context of the error."""
    cause = getattr(error.orig, "__cause__", None)
    context = getattr(cause, "context", None) or ""
    return sqlstate(error) == LOCK_NOT_AVAILABLE and f'"{KEYS}"' in context


async def _find_replay(session: AsyncSession, request: BookingRequest) -> Json | None:
    """The booking that the same key made, in its present state. Raises IdempotencyMismatch."""
    assert request.key is not None
    row = await find_idempotency_key(session, request.user_id, request.key)
    if row is None:
        return None
    if row.fingerprint != request.fingerprint:
        raise IdempotencyMismatch
    return await get_booking(session, row.booking_id, user_id=request.user_id)


def _check_event(event: Row[Any] | None, request: BookingRequest) -> Row[Any]:
    if event is None or not may_see(event, request.user_id):
        raise NotFound
    if event.is_erased:
        # This process has not read yet that the account is erased.
        raise NotAuthenticated
    if not event.is_on_sale:
        raise SalesClosed
    if not event.allowed:
        # The first request with this key rolled back while this one waited for it.
        raise TryAgain
    return event


async def _write(
    connection: AsyncConnection,
    request: BookingRequest,
    event: Row[Any],
    booking_id: UUID,
    seats: Sequence[Record],
    held_until: datetime | None,
) -> Json:
    booking = NewBooking(
        id=booking_id,
        event_id=event.id,
        user_id=request.user_id,
        status=BookingStatus.HELD if held_until else BookingStatus.CONFIRMED,
        quantity=len(seats),
        total=sum(seat.price for seat in seats),
        currency=event.currency,
        expires_at=held_until,
        guest_name=request.guest_name,
    )
    tickets = new_tickets(seats)
    message = None
    if not held_until:
        message = booking_message(NewMessage, "booking-confirmed", booking, tickets, event)
    await insert_booking(connection, booking, tickets, message)
    fields = booking_fields(booking, booking.status, event, now=event.now)
    return fields | {"seats": seats_of(tickets)}
