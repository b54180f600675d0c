"""Reading single events and what belongs to them. Their list is in lists.py."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Select,
    String,
    TextClause,
    Uuid,
    bindparam,
    func,
    literal_column,
    select,
    text,
)
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.schemas import Availability, EventPublic
from event_service.models import Booking, Event, SeatTally, Section
from event_service.rules import (
    CANCELLATION_DEADLINE,
    IS_VISIBLE,
    SEAT_STATE,
    may_change,
    may_see,
)
from event_service.statuses import SeatKind, SeatState
from service_kit.problems import Forbidden, NotFound
from service_kit.web.tokens import Person

# Columns whose public value is computed.
# An image has other widths too; see images/.
_IMAGE_URL = literal_column(
    "'/api/v1/events/' || event.id || '/image/' || event.image_hash || '-1280.webp'", String()
)
_COMPUTED = {
    "cancellation_deadline": CANCELLATION_DEADLINE.label("cancellation_deadline"),
    "image_url": _IMAGE_URL.label("image_url"),
}
PUBLIC_COLUMNS: list[Any] = [
    _COMPUTED.get(name, getattr(Event, name, None))
    for name in EventPublic.model_fields
    if name not in ("seats_available", "price_from", "price_to")
]


def _tally(of: Any) -> Any:
    """Lateral sums of an event: held and booked seats, and seats of lapsed holds before the sweep."""
    sums = (
        select(
            func.coalesce(func.sum(SeatTally.held), 0).label("held"),
            func.coalesce(func.sum(SeatTally.booked), 0).label("booked"),
        )
        .where(col(SeatTally.event_id) == of)
        .lateral("tally")
    )
    ended = (
        select(func.coalesce(func.sum(Booking.quantity), 0).label("seats"))
        # Only holds have ``expires_at``. A condition on the status would make PostgreSQL use the sweeper's
        # index, which has the lapsed holds of all events.
        .where(col(Booking.event_id) == of, col(Booking.expires_at) <= func.now()).lateral("ended")
    )
    return sums, ended


def _prices(event: Any) -> Any:
    """Lateral ``low`` and ``high`` of an event's sections; NULL without sections."""
    price = func.coalesce(col(Section.price), event.price)
    return (
        select(func.min(price).label("low"), func.max(price).label("high"))
        .where(col(Section.event_id) == event.id)
        .lateral("prices")
    )


def with_availability(chosen: Select[Any]) -> Select[Any]:
    """Adds ``seats_available`` and the prices outside of the limited select, so that only returned rows are
    counted."""
    event = chosen.subquery("event")
    tally, ended = _tally(event.c.id)
    prices = _prices(event.c)
    available = event.c.capacity - tally.c.held - tally.c.booked + ended.c.seats
    return select(
        event,
        available.label("seats_available"),
        func.coalesce(prices.c.low, event.c.price).label("price_from"),
        func.coalesce(prices.c.high, event.c.price).label("price_to"),
    ).select_from(event, tally, ended, prices)


async def get_event(session: AsyncSession, event_id: UUID, *, viewer: Person | None) -> EventPublic:
    """Raises NotFound for a draft, unless the viewer is its organizer or a superuser."""
    statement = with_availability(select(*PUBLIC_COLUMNS).where(col(Event.id) == event_id))
    row = (await session.execute(statement)).one_or_none()
    if row is None or not (may_change(row, viewer) or may_see(row, None)):
        raise NotFound
    return EventPublic.model_validate(row)


async def find_published_event(session: AsyncSession, event_id: UUID) -> EventPublic | None:
    """The event if everybody may see it, else None. A cancelled event stays visible."""
    statement = select(*PUBLIC_COLUMNS).where(col(Event.id) == event_id, _visible_to(None))
    row = (await session.execute(with_availability(statement))).one_or_none()
    return EventPublic.model_validate(row) if row else None


def _visible_to(viewer: UUID | None) -> TextClause:
    """Holds for the events that ``rules.may_see`` lets the viewer see."""
    return text(IS_VISIBLE).bindparams(bindparam("viewer", viewer, type_=Uuid))


async def viewer_of(session: AsyncSession, event_id: UUID, person: Person | None) -> UUID | None:
    """As whom somebody looks at an event: superusers see a draft as its organizer does."""
    if person is None or not person.is_superuser:
        return person.user_id if person else None
    found = await session.execute(select(col(Event.organizer_id)).where(col(Event.id) == event_id))
    organizer: UUID | None = found.scalar_one_or_none()
    return organizer or person.user_id


async def list_events_by_id(
    session: AsyncSession, event_ids: Sequence[UUID], *, viewer: UUID | None
) -> dict[UUID, EventPublic]:
    """The events that the viewer may see, by id."""
    statement = select(*PUBLIC_COLUMNS).where(col(Event.id).in_(event_ids), _visible_to(viewer))
    rows = await session.execute(with_availability(statement))
    return {row.id: EventPublic.model_validate(row) for row in rows}


async def get_availability(
    session: AsyncSession, event_id: UUID, *, viewer: UUID | None
) -> Availability:
    by_id = await list_availability(session, [event_id], viewer=viewer)
    if event_id not in by_id:
        raise NotFound
    return by_id[event_id]


async def list_availability(
    session: AsyncSession, event_ids: Sequence[UUID], *, viewer: UUID | None
) -> dict[UUID, Availability]:
    """By event, for events that the viewer may see."""
    tally, ended = _tally(col(Event.id))
    held = tally.c.held - ended.c.seats
    statement = (
        select(
            col(Event.id),
            col(Event.capacity),
            (col(Event.capacity) - held - tally.c.booked).label("available"),
            held.label("held"),
            tally.c.booked,
        )
        .select_from(Event, tally, ended)
        .where(col(Event.id).in_(event_ids), _visible_to(viewer))
    )
    rows = await session.execute(statement)
    return {row.id: Availability.model_validate(row, from_attributes=True) for row in rows}


# A subquery for each event, so that PostgreSQL finds seats by their event, whatever number of events it
# expects.
_SEAT_MAPS = text(f"""
    SELECT event.id, (
        WITH all_seats AS (
            SELECT section_id, row_name, position,
                coalesce(column_number, number) AS column_number,
                json_build_object('id', id, 'number', number,
                    'column', coalesce(column_number, number), 'kind', kind, 'state', {SEAT_STATE}
                ) AS seat
            FROM seat WHERE event_id = event.id
            UNION ALL
            SELECT section_id, row_name, position, column_number,
                json_build_object('id', id, 'number', number, 'column', column_number,
                    'kind', '{SeatKind.BLOCKED}', 'state', '{SeatState.BLOCKED}'
                )
            FROM blocked_seat WHERE event_id = event.id
        ), rows AS (
            SELECT section_id, row_name, min(position) AS position,
                json_agg(seat ORDER BY position) AS seats, max(column_number) AS last_column
            FROM all_seats GROUP BY section_id, row_name
        ), sections AS (
            SELECT section.name, coalesce(section.price, event.price) AS price,
                min(rows.position) AS position,
                json_agg(json_build_object('name', rows.row_name, 'columns',
                    greatest(rows.last_column, seat_row.width), 'seats', rows.seats
                ) ORDER BY rows.position) AS rows
            FROM rows JOIN section ON section.id = rows.section_id
            LEFT JOIN seat_row
                ON seat_row.section_id = rows.section_id AND seat_row.name = rows.row_name
            GROUP BY section.id
        )
        SELECT json_build_object('sections', coalesce(json_agg(
            json_build_object('name', name, 'price', price, 'rows', rows) ORDER BY position
        ), '[]'))::text FROM sections
    ) AS seat_map
    FROM event
    WHERE event.id = ANY(:event_ids) AND {IS_VISIBLE}
""").bindparams(bindparam("event_ids", type_=ARRAY(Uuid)), bindparam("viewer", type_=Uuid))


async def list_seat_maps(
    session: AsyncSession, event_ids: Sequence[UUID], *, viewer: UUID | None
) -> dict[UUID, str]:
    """Seat maps by event, for events that the viewer may see, as JSON in the form of SeatMap.

    PostgreSQL writes 100,000 seats in a third of a second; Python would block the event loop. General
    admission has an empty map.
    """
    parameters = {"event_ids": list(event_ids), "viewer": viewer}
    return {row.id: row.seat_map for row in await session.execute(_SEAT_MAPS, parameters)}


async def get_seat_map(session: AsyncSession, event_id: UUID, *, viewer: UUID | None) -> str:
    by_id = await list_seat_maps(session, [event_id], viewer=viewer)
    if event_id not in by_id:
        raise NotFound
    return by_id[event_id]


async def lock_event(session: AsyncSession, event_id: UUID, *, owner: UUID | None) -> Event:
    """The event, locked against bookings until the end of the transaction; with ``owner`` only if it is
    that person's.

    Raises NotFound for another person's draft, Forbidden for another person's public event.
    """
    statement = select(Event).where(col(Event.id) == event_id).with_for_update()
    event: Event | None = (await session.execute(statement)).scalar_one_or_none()
    if event is not None and owner is None:
        return event
    return check_owner(event, owner)


def required_owner(person: Person) -> UUID | None:
    """The owner of events that a person may change; None for superusers, who may change every event."""
    return None if person.is_superuser else person.user_id


async def require_organizer(session: AsyncSession, event_id: UUID, owner: UUID | None) -> Event:
    """The event without a lock; with ``owner`` only if it is that person's. Raises as ``lock_event`` does."""
    rows = await session.execute(select(Event).where(col(Event.id) == event_id))
    event: Event | None = rows.scalar_one_or_none()
    if event is not None and owner is None:
        return event
    return check_owner(event, owner)


def check_owner(event: Event | None, owner: UUID | None) -> Event:
    """Raises NotFound and Forbidden as ``lock_event`` does."""
    if event is None or not may_see(event, owner):
        raise NotFound
    if event.organizer_id != owner:
        raise Forbidden("Only its organizer may do this.")
    return event
