"""How a booking ends, or a hold becomes one. Rows are locked in one order everywhere: the event, the
bookings, the first in line, the allowances, the seats; see Design notes in ../../README.md."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings import statements
from event_service.bookings.messages import SEATS_IN_MESSAGE, booking_message, last_cancellation
from event_service.bookings.queries import (
    first_tickets,
    has_allowance,
    list_used_seats,
    lock_booking,
    lock_event_of_booking,
    show_booking,
)
from event_service.bookings.representation import Json
from event_service.errors import (
    BookingEnded,
    CancellationClosed,
    CheckedIn,
    HoldExpired,
    SalesClosed,
)
from event_service.events.messages import tell_guests_of_end
from event_service.models import (
    Booking,
    Event,
    OutboxMessage,
    Seat,
    SeatAllowance,
    SeatTally,
    WaitlistEntry,
)
from event_service.waitlist.offers import lock_line, offer_free_seats, offer_what_is_free
from service_kit.clock import utc_now
from service_kit.database.engine import affected_rows
from service_kit.ids import new_id
from service_kit.messaging.bulk_messages import ALLOW_LONG_STATEMENTS

EXPIRED_PER_SWEEP = 200


async def confirm_booking(session: AsyncSession, booking_id: UUID, *, by: UUID) -> Json:
    """Raises HoldExpired, BookingEnded for a cancelled one, SalesClosed when the event is over or was
    cancelled."""
    event = await lock_event_of_booking(session, booking_id, user_id=by)
    booking = await lock_booking(session, booking_id, user_id=by)
    if booking.status == "cancelled":
        raise BookingEnded
    if booking.status == "expired":
        raise HoldExpired
    if booking.status == "held":
        if event.status != "published" or event.ends_at <= utc_now():
            raise SalesClosed
        # An offer that is taken up ends the waiting; the allowance goes over to the booking.
        await session.execute(
            delete(WaitlistEntry).where(col(WaitlistEntry.booking_id) == booking_id)
        )
        kept = await session.execute(statements.KEEP_SEATS, {"booking_id": booking_id})
        if affected_rows(kept) != booking.quantity:
            raise HoldExpired
        booking.status, booking.expires_at = "confirmed", None
        booking.confirmed_at = utc_now()
        session.add(SeatTally(event_id=event.id, held=-booking.quantity, booked=booking.quantity))
        await _tell(session, "booking-confirmed", [booking], event)
    return await show_booking(session, booking)


async def cancel_booking(
    session: AsyncSession, booking_id: UUID, *, by: UUID, now: datetime, offer_for: timedelta
) -> Json:
    """The seats are free at once, or held for who waits; a booking that has ended stays as it is.
    Raises CheckedIn and CancellationClosed of a confirmed one."""
    event = await lock_event_of_booking(session, booking_id, user_id=by, frees_seats=True)
    booking = await lock_booking(session, booking_id, user_id=by)
    if booking.status == "confirmed":
        _refuse_to_cancel(event, await list_used_seats(session, booking_id), now)
    if booking.status in ("held", "confirmed"):
        was_confirmed = booking.status == "confirmed"
        await end_bookings(session, event, [booking], "cancelled", now=now, offer_for=offer_for)
        if was_confirmed:
            await _tell(session, "booking-cancelled", [booking], event, cancelled_by="guest")
    return await show_booking(session, booking)


async def _tell(
    session: AsyncSession, kind: str, bookings: Sequence[Booking], event: Event, **more: Any
) -> None:
    tickets = await first_tickets(session, [one.id for one in bookings], most=SEATS_IN_MESSAGE)
    session.add_all(
        booking_message(OutboxMessage, kind, booking, tickets[booking.id], event, **more)
        for booking in bookings
    )
    await session.flush()


def _refuse_to_cancel(event: Event, used: Sequence[UUID], now: datetime) -> None:
    """Raises CheckedIn or CancellationClosed. The booking is locked: whoever checks a ticket in shares
    a lock on it."""
    if used:
        raise CheckedIn(
            "Somebody was let in with it. Only the organizer can undo a check-in.",
            seat_ids=[str(seat_id) for seat_id in used],
        )
    deadline = last_cancellation(event)
    if now >= deadline:
        raise CancellationClosed(
            "Bookings of this event could be cancelled until its deadline. Ask the organizer.",
            cancellation_deadline=f"{deadline:%Y-%m-%dT%H:%M:%S.%fZ}",
        )


async def end_bookings(
    session: AsyncSession,
    event: Event,
    bookings: Sequence[Booking],
    status: str,
    *,
    now: datetime,
    offer_for: timedelta,
) -> int:
    """Gives the seats of held or confirmed bookings back, and what is free to who waits; how many
    offers that made. Seats of an ended hold that somebody else has taken stay there."""
    held = sum(booking.quantity for booking in bookings if booking.status == "held")
    booked = sum(booking.quantity for booking in bookings) - held
    by_user: Counter[UUID] = Counter()
    for booking in bookings:
        booking.status, booking.ended_at, booking.expires_at = status, now, None
        by_user[booking.user_id] += booking.quantity
    session.add(SeatTally(event_id=event.id, held=-held, booked=-booked))
    await session.flush()
    booking_ids = [booking.id for booking in bookings]
    # Whoever lets an offer go leaves the line.
    await session.execute(
        delete(WaitlistEntry).where(col(WaitlistEntry.booking_id).in_(booking_ids))
    )
    offer_ends = await lock_line(session, event.id, offer_for=offer_for)
    await session.execute(
        statements.LOWER_ALLOWANCES,
        {"event_id": event.id, "user_ids": list(by_user), "seats": list(by_user.values())},
    )
    await session.execute(statements.FREE_SEATS, {"booking_ids": booking_ids})
    return await offer_free_seats(session, event, until=offer_ends) if offer_ends else 0


async def settle_event(
    session: AsyncSession,
    event_id: UUID,
    *,
    now: datetime,
    offer_for: timedelta,
    passes_by: bool = False,
) -> int:
    """Ends the holds of an event whose time is over, tells their guests, and offers what is free to
    who waits; how much there was to do. With ``passes_by`` it leaves alone what others have locked,
    for the sweeper; without, it waits for them."""
    event = await session.scalar(
        select(Event)
        .where(col(Event.id) == event_id)
        .with_for_update(read=True, skip_locked=passes_by)
    )
    if event is None:
        return 0
    ended = await _lapsed(session, event_id, passes_by=passes_by)
    if ended:
        return await _expire(session, event, ended, now=now, offer_for=offer_for)
    return await offer_what_is_free(session, event, offer_for=offer_for)


async def make_room(
    session: AsyncSession, *, user_id: UUID, event_id: UUID, seats: int, offer_for: timedelta
) -> bool:
    """Ends one person's own holds that are over; whether they may have the seats then."""
    await expire_holds_of(session, user_id, event_id, now=utc_now(), offer_for=offer_for)
    return await has_allowance(session, user_id, event_id, seats)


async def expire_holds_of(
    session: AsyncSession, user_id: UUID, event_id: UUID, *, now: datetime, offer_for: timedelta
) -> None:
    """Ends one person's holds of an event whose time is over: they still use up the allowance."""
    event = await session.scalar(
        select(Event).where(col(Event.id) == event_id).with_for_update(read=True)
    )
    ended = await _lapsed(session, event_id, col(Booking.user_id) == user_id, passes_by=False)
    if event and ended:
        await _expire(session, event, ended, now=now, offer_for=offer_for)


async def _lapsed(
    session: AsyncSession, event_id: UUID, *conditions: Any, passes_by: bool
) -> list[Booking]:
    found = await session.execute(
        select(Booking)
        .where(
            col(Booking.event_id) == event_id,
            col(Booking.status) == "held",
            col(Booking.expires_at) <= func.now(),
            *conditions,
        )
        .order_by(col(Booking.expires_at), col(Booking.id))
        .limit(EXPIRED_PER_SWEEP)
        .with_for_update(skip_locked=passes_by)
    )
    return list(found.scalars())


async def _expire(
    session: AsyncSession,
    event: Event,
    bookings: list[Booking],
    *,
    now: datetime,
    offer_for: timedelta,
) -> int:
    offers = await end_bookings(session, event, bookings, "expired", now=now, offer_for=offer_for)
    await _tell(session, "hold-expired", bookings, event)
    return len(bookings) + offers


async def cancel_bookings_of_event(session: AsyncSession, event: Event, *, now: datetime) -> None:
    """Ends every booking of a locked event, and its line, with a few statements, and tells each
    guest once."""
    await session.execute(ALLOW_LONG_STATEMENTS)
    # Before the bookings end: nobody else can change them, since the event is locked.
    await tell_guests_of_end(session, event)
    await session.execute(
        update(Booking)
        .where(col(Booking.event_id) == event.id, col(Booking.status).in_(("held", "confirmed")))
        .values(status="cancelled", ended_at=now, expires_at=None)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        delete(WaitlistEntry)
        .where(col(WaitlistEntry.event_id) == event.id)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(SeatAllowance)
        .where(col(SeatAllowance.event_id) == event.id, col(SeatAllowance.seats) != 0)
        .values(seats=0)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        update(Seat)
        .where(col(Seat.event_id) == event.id, col(Seat.booking_id).is_not(None))
        .values(booking_id=None, held_until=None)
        .execution_options(synchronize_session=False)
    )
    await _restart_tally(session, event.id)
    await session.flush()


async def _restart_tally(session: AsyncSession, event_id: UUID) -> None:
    """Nothing is held or booked any more: one row that makes the sum zero. No booking can add to
    it meanwhile, since the event is locked; the fold keeps sums as they are."""
    sums = await session.execute(
        select(func.sum(SeatTally.held), func.sum(SeatTally.booked)).where(
            col(SeatTally.event_id) == event_id
        )
    )
    held, booked = sums.one()
    session.add(SeatTally(id=new_id(), event_id=event_id, held=-(held or 0), booked=-(booked or 0)))
