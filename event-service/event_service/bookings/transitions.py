"""What every change of a booking's status has in common: seats, allowances, counts and messages.

Rows are locked in one order everywhere: the event, the bookings, the first waitlist entry, the
allowances, the seats; see Design notes in ../../README.md. However many bookings there are, they are a
fixed number of statements.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from event_service.bookings.messages import SEATS_IN_MESSAGE, event_snapshot
from event_service.bookings.offers import lock_waitlist, offer_free_seats
from event_service.bookings.sql import statements
from event_service.models import Event
from event_service.statuses import BookingStatus
from service_kit.database.engine import to_json
from service_kit.database.sql_files import Record, SqlConnection
from service_kit.ids import new_id
from service_kit.messaging.contract import SEND, Kind
from service_kit.messaging.notifications import shared_message
from service_kit.problems import NotFound


async def lock_booking(connection: SqlConnection, booking_id: UUID, *, user_id: UUID) -> Record:
    """A person's booking, locked. Raises NotFound for other people's."""
    booking = await statements.lock_booking.row(connection, booking_id=booking_id, user_id=user_id)
    if booking is None:
        raise NotFound
    return booking


async def end_bookings(
    connection: SqlConnection,
    event: Event,
    booking_ids: Sequence[UUID],
    status: BookingStatus,
    *,
    now: datetime,
    offer_for: timedelta,
) -> int:
    """Gives locked holds and confirmed bookings their last status, frees their seats and offers free seats
    to those who wait. Returns the number of offers."""
    freed = await statements.end_bookings.rows(
        connection,
        booking_ids=booking_ids,
        status=status,
        now=now,
        event_id=event.id,
        tally_id=new_id(),
    )
    offer_ends = await lock_waitlist(connection, event.id, offer_for=offer_for)
    await statements.lower_allowances.run(
        connection,
        event_id=event.id,
        user_ids=[person.user_id for person in freed],
        quantities=[person.seats for person in freed],
    )
    await statements.free_seats.run(connection, booking_ids=booking_ids)
    return await offer_free_seats(connection, event, until=offer_ends) if offer_ends else 0


async def add_booking_messages(
    connection: SqlConnection,
    kind: Kind,
    booking_ids: Sequence[UUID],
    event: Event,
    *,
    key_suffix: str = "",
    **more: Any,
) -> None:
    """One message to the guest of each booking as it is now, with its first tickets.

    ``key_suffix`` makes the dedup key of a kind of which a booking may have several messages. A ``reason``
    in ``more`` is text that a person wrote.
    """
    message = shared_message(
        kind, data={"event": event_snapshot(event)} | more, version=event.version
    )
    await statements.add_booking_messages.run(
        connection,
        booking_ids=booking_ids,
        task=SEND,
        message=to_json(message),
        key_suffix=key_suffix,
        seats=SEATS_IN_MESSAGE,
    )
