"""Offering free seats to the waitlist: the transaction that frees seats holds them for the first groups
that fit.

Lock order: the event (FOR SHARE by transactions that free seats, FOR NO KEY UPDATE by those that change
the waitlist; neither conflicts with the KEY SHARE of bookings), the bookings, the first waitlist entry,
the allowances, the seats. An entry already counts towards its person's allowance, so that an offer
locks no allowance.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from event_service.bookings.insert import NewBooking, insert_bookings, new_booking
from event_service.bookings.messages import event_snapshot
from event_service.bookings.sql import statements
from event_service.metrics import count_offers
from event_service.models import Event
from service_kit.clock import utc_now
from service_kit.database.sql_files import Record, SqlConnection
from service_kit.ids import new_id
from service_kit.messaging.notifications import notification

# Bounds one transaction; the sweeper makes the next offers.
OFFERS_PER_RELEASE = 200


async def is_waitlist_due(connection: SqlConnection, event_id: UUID) -> bool:
    """Whether seats can be offered to somebody who waits."""
    return bool(await statements.is_waitlist_due.value(connection, event_id=event_id))


async def lock_waitlist(
    connection: SqlConnection, event_id: UUID, *, offer_for: timedelta
) -> datetime | None:
    """Returns when an offer made now would end; None if nobody waits or the event is not on sale."""
    ends: datetime | None = await statements.lock_waitlist.value(
        connection, event_id=event_id, offer_for=offer_for
    )
    return ends


async def lock_waitlist_and_offer_seats(
    connection: SqlConnection, event: Event, *, offer_for: timedelta
) -> int:
    """Returns the number of offers. The event is locked."""
    ends = await lock_waitlist(connection, event.id, offer_for=offer_for)
    return await offer_free_seats(connection, event, until=ends) if ends else 0


async def offer_free_seats(connection: SqlConnection, event: Event, *, until: datetime) -> int:
    """Returns the number of offers. The waitlist is locked."""
    seats = await statements.lock_free_seats.rows(
        connection, event_id=event.id, price=event.price, groups=OFFERS_PER_RELEASE
    )
    groups = await _choose_groups(connection, event.id, len(seats))
    if groups:
        offers = _hold_seats(event, groups, seats, until)
        await insert_bookings(connection, offers)
        count_offers(len(offers), sum(offer.quantity for offer in offers))
        await statements.mark_offered.run(
            connection,
            event_id=event.id,
            numbers=[group.number for group in groups],
            booking_ids=[offer.id for offer in offers],
        )
    return len(groups)


async def _choose_groups(connection: SqlConnection, event_id: UUID, seats: int) -> list[Record]:
    """The groups that get an offer of so many seats: by the order of joining, whoever still fits.

    Each round reads entries that are not larger than what is left, of which the first one fits.
    """
    chosen: list[Record] = []
    after = 0
    while seats and len(chosen) < OFFERS_PER_RELEASE:
        limit = OFFERS_PER_RELEASE - len(chosen)
        entries = await statements.list_next_groups.rows(
            connection, event_id=event_id, after=after, seats=seats, groups=limit
        )
        fitting = fitting_groups(entries, seats)
        chosen += fitting
        seats -= sum(group.quantity for group in fitting)
        if len(entries) < limit:
            break
        after = entries[-1].number
    return chosen


def fitting_groups(entries: Iterable[Any], seats: int) -> list[Any]:
    """Of entries in the order of joining: those whose quantity fits into what those before leave of the
    seats. Who does not fit at its turn does not fit later, since the seats only become fewer."""
    fitting = []
    for entry in entries:
        if entry.quantity <= seats:
            fitting.append(entry)
            seats -= entry.quantity
    return fitting


def _hold_seats(
    event: Event, groups: Sequence[Record], seats: Sequence[Record], until: datetime
) -> list[NewBooking]:
    """A hold for each group, of the seats in their order, with its message."""
    offers, first = [], 0
    for group in groups:
        offered = seats[first : first + group.quantity]
        first += group.quantity
        offer = new_booking(new_id(), event, group, offered, until, now=utc_now())
        offer.message = _offer_message(offer, event, until)
        offers.append(offer)
    return offers


def _offer_message(booking: NewBooking, event: Event, until: datetime) -> dict[str, Any]:
    return notification(
        dict,
        kind="waitlist-offer",
        user_id=booking.user_id,
        dedup_key=f"waitlist-offer:{booking.id}",
        data={
            "event_id": str(event.id),
            "event": event_snapshot(event),
            "booking_id": str(booking.id),
            "quantity": booking.quantity,
            "expires_at": until.isoformat(),
        },
        version=event.version,
    )
