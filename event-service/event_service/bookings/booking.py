"""Taking seats: one short transaction, all seats or none."""

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
from event_service.bookings.ending import make_room, settle_event
from event_service.bookings.messages import booking_message
from event_service.bookings.queries import find_idempotency_key, get_booking
from event_service.bookings.representation import Json, booking_fields, seats_of
from event_service.bookings.schemas import BookingCreate
from event_service.bookings.writing import NewBooking, NewMessage, new_tickets, write_booking
from event_service.errors import (
    IdempotencyMismatch,
    RequestInProgress,
    SalesClosed,
    SeatLimitReached,
    SeatsUnavailable,
    SoldOut,
)
from event_service.events.queries import count_free_seats
from event_service.models import IdempotencyKey
from event_service.waitlist.queries import is_line_due
from service_kit.clock import utc_now
from service_kit.database.engine import Database, TryAgain
from service_kit.database.errors import constraint_name, sqlstate
from service_kit.database.statements import Record, compiled
from service_kit.ids import new_id
from service_kit.problems import NotAuthenticated, NotFound

LOCK_NOT_AVAILABLE = "55P03"
KEYS = IdempotencyKey.__tablename__


@dataclass(frozen=True, slots=True)
class Request:
    """A booking as it was asked for: by whom, what, and under which key of the client's."""

    user_id: UUID
    wanted: BookingCreate
    key: str | None
    hold_for: timedelta
    offer_for: timedelta
    yields_to_line: bool = True

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.wanted.model_dump_json().encode()).hexdigest()


class _LineFirst(Exception):
    """There are seats for somebody who waits: they are served before this booking."""


async def book(database: Database, request: Request) -> tuple[Json, bool]:
    """The booking in the form of BookingPublic, and whether it is an earlier one answered again.

    Raises the problems of ``POST /bookings``; then nothing is left behind.
    """
    try:
        return await database.run_plain(_Attempt(database, request).run)
    except _LineFirst:
        is_settled = not await database.run(partial(_settle, request))
        return await book(database, replace(request, yields_to_line=not is_settled))
    except IntegrityError as error:
        if constraint_name(error) != "ck_seat_allowance_limit":
            raise
    room = partial(
        make_room,
        user_id=request.user_id,
        event_id=request.wanted.event_id,
        seats=request.wanted.seats_wanted,
        offer_for=request.offer_for,
    )
    if await database.run(room):
        # What had ended was still counted, until here or until the sweeper came: no refusal yet.
        return await book(database, request)
    raise SeatLimitReached("Seats that you have booked, hold or wait for count together.")


async def _settle(request: Request, session: AsyncSession) -> int:
    return await settle_event(
        session, request.wanted.event_id, now=utc_now(), offer_for=request.offer_for
    )


class _Attempt:
    """Remembers over the retries of one request whether to pass by locked seats."""

    def __init__(self, database: Database, request: Request) -> None:
        self.database = database
        self.request = request
        self.waits_for_others = False

    async def run(self, connection: AsyncConnection) -> tuple[Json, bool]:
        request = self.request
        booking_id = new_id()
        opened = await self._open(connection, booking_id)
        if request.key and (opened is None or not opened.keyed):
            async with self.database.session_on(connection) as session:
                earlier = await _earlier(session, request)
            if earlier is not None:
                return earlier, True
        opened = _on_sale(opened, request)
        if opened.has_line and request.yields_to_line and await is_line_due(connection, opened.id):
            raise _LineFirst
        held_until = None
        if request.wanted.hold:
            held_until = min(opened.now + request.hold_for, opened.ends_at)
        seats = await self._take(
            connection,
            {
                "event_id": opened.id,
                "booking_id": booking_id,
                "held_until": held_until,
                "price": opened.price,
            },
            opened.capacity,
        )
        return await _write(connection, request, opened, booking_id, seats, held_until), False

    async def _open(self, connection: AsyncConnection, booking_id: UUID) -> Row[Any] | None:
        request = self.request
        try:
            opened = await connection.execute(
                statements.OPEN,
                {
                    "event_id": request.wanted.event_id,
                    "user_id": request.user_id,
                    "booking_id": booking_id,
                    "key": request.key,
                    "fingerprint": request.fingerprint if request.key else None,
                    "seats": request.wanted.seats_wanted,
                },
            )
        except DBAPIError as error:
            if _waited_for_key(error):
                raise RequestInProgress from None
            raise
        return opened.one_or_none()

    async def _take(
        self, connection: AsyncConnection, parameters: dict[str, Any], capacity: int
    ) -> Sequence[Record]:
        wanted = self.request.wanted
        if wanted.seat_ids is not None:
            chosen = parameters | {"seat_ids": wanted.seat_ids}
            seats = await compiled(statements.TAKE_CHOSEN).rows(connection, **chosen)
            missing = set(wanted.seat_ids) - {seat.id for seat in seats}
            if missing:
                raise SeatsUnavailable(seat_ids=sorted(str(seat_id) for seat_id in missing))
            return seats
        parameters |= {"seats": wanted.quantity}
        if not self.waits_for_others:
            passing_by = parameters | {"start": random.randint(1, capacity)}
            seats = await compiled(statements.TAKE_ANY).rows(connection, **passing_by)
            if len(seats) == wanted.seats_wanted:
                return seats
            # Seats may be in the hands of somebody who will let them go. To wait for them while
            # holding others could be a deadlock: begin again, with none. Also after an empty answer:
            # under READ COMMITTED, SKIP LOCKED locks a seat, sees that its newest version is taken,
            # returns nothing and keeps the lock until the transaction ends.
            self.waits_for_others = True
            raise TryAgain
        seats = await compiled(statements.TAKE_ANY_WAITING).rows(connection, **parameters)
        if len(seats) < wanted.seats_wanted:
            await self._sold_out(connection, parameters, len(seats))
        return seats

    async def _sold_out(
        self, connection: AsyncConnection, parameters: dict[str, Any], taken: int
    ) -> None:
        """Raises SoldOut if it is so in a look that begins now; else TryAgain."""
        # Seats that this transaction took are not free to it, and will be when it ends.
        available = taken + await count_free_seats(connection, parameters["event_id"])
        if available >= self.request.wanted.seats_wanted:
            raise TryAgain
        raise SoldOut(available=available)


def _waited_for_key(error: DBAPIError) -> bool:
    """Whether another request with the same key was waited for in vain, and not some other lock:
    PostgreSQL names the table in the context of the error."""
    cause = getattr(error.orig, "__cause__", None)
    context = getattr(cause, "context", None) or ""
    return sqlstate(error) == LOCK_NOT_AVAILABLE and f'"{KEYS}"' in context


async def _earlier(session: AsyncSession, request: Request) -> Json | None:
    """What the same key was answered with, as it is now. Raises IdempotencyMismatch."""
    assert request.key is not None
    known = await find_idempotency_key(session, request.user_id, request.key)
    if known is None:
        return None
    if known.fingerprint != request.fingerprint:
        raise IdempotencyMismatch
    return await get_booking(session, known.booking_id, user_id=request.user_id)


def _on_sale(event: Row[Any] | None, request: Request) -> Row[Any]:
    if event is None or (event.status == "draft" and event.organizer_id != request.user_id):
        raise NotFound
    if event.is_erased:
        # This process does not know yet that the token is refused.
        raise NotAuthenticated
    if not event.is_on_sale:
        raise SalesClosed
    if not event.allowed:
        # The first with this key gave up while this one waited for it.
        raise TryAgain
    return event


async def _write(
    connection: AsyncConnection,
    request: Request,
    event: Row[Any],
    booking_id: UUID,
    seats: Sequence[Record],
    held_until: datetime | None,
) -> Json:
    booking = NewBooking(
        id=booking_id,
        event_id=event.id,
        user_id=request.user_id,
        status="held" if held_until else "confirmed",
        quantity=len(seats),
        total=sum(seat.price for seat in seats),
        currency=event.currency,
        expires_at=held_until,
    )
    tickets = new_tickets(seats)
    told = None
    if not held_until:
        told = booking_message(NewMessage, "booking-confirmed", booking, tickets, event)
    await write_booking(connection, booking, tickets, told)
    return booking_fields(booking, booking.status) | {"seats": seats_of(tickets)}
