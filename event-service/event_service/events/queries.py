"""Reading events. Every list query has its index in models.py."""

import math
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Uuid,
    bindparam,
    func,
    literal,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.schemas import (
    Availability,
    EventPublic,
    EventQuery,
)
from event_service.events.search import WORST_RANK, Search, read_search
from event_service.models import Booking, Event, Seat, SeatTally
from service_kit.database.engine import Executor
from service_kit.problems import Forbidden, InvalidRequest, NotFound
from service_kit.web.paging import Page, Paging
from service_kit.web.tokens import Person

# What is not said of an event has a value all the same.
_COMPUTED = {
    "cancellation_deadline": func.least(
        func.coalesce(col(Event.cancellation_deadline), col(Event.starts_at)), col(Event.ends_at)
    ).label("cancellation_deadline")
}
_SHOWN: list[Any] = [
    _COMPUTED.get(name, getattr(Event, name, None))
    for name in EventPublic.model_fields
    if name != "seats_available"
]


def _tally(of: Any) -> Any:
    """Held and booked seats of an event, and those of holds that have ended without a sweep."""
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
        # Only what is held expires. To ask for the status too would lead to the sweeper's index, which
        # has the ended holds of all events.
        .where(col(Booking.event_id) == of, col(Booking.expires_at) <= func.now()).lateral("ended")
    )
    return sums, ended


def _with_availability(chosen: Select[Any]) -> Select[Any]:
    """Adds ``seats_available`` to rows of events; last, so that only what is shown is counted."""
    event = chosen.subquery("event")
    tally, ended = _tally(event.c.id)
    available = event.c.capacity - tally.c.held - tally.c.booked + ended.c.seats
    return select(event, available.label("seats_available")).select_from(event, tally, ended)


async def get_event(session: AsyncSession, event_id: UUID, *, viewer: Person | None) -> EventPublic:
    """The event, unless it is a draft and neither the viewer's nor a superuser asks: then NotFound."""
    statement = _with_availability(select(*_SHOWN).where(col(Event.id) == event_id))
    found = (await session.execute(statement)).one_or_none()
    if found is None or (found.status == "draft" and not may_change(found, viewer)):
        raise NotFound
    return EventPublic.model_validate(found)


async def find_published_event(session: AsyncSession, event_id: UUID) -> EventPublic | None:
    """What everybody may see, or None. A cancelled event stays visible."""
    statement = select(*_SHOWN).where(col(Event.id) == event_id, col(Event.status) != "draft")
    found = (await session.execute(_with_availability(statement))).one_or_none()
    return EventPublic.model_validate(found) if found else None


async def list_events(
    session: AsyncSession, query: EventQuery, paging: Paging, *, owner: UUID | None = None
) -> tuple[Page[EventPublic], float]:
    """A page of what is published and has not begun, and for how many seconds none of it begins; with
    ``owner``, of one's own in every status."""
    # PostgreSQL's clock, which decides what has begun.
    statement = select(*_SHOWN, (col(Event.starts_at) - func.now()).label("until_start"))
    if owner is not None:
        statement = statement.where(col(Event.organizer_id) == owner)
    else:
        statement = statement.where(
            col(Event.status) == "published", col(Event.starts_at) > func.now()
        )
    statement = statement.where(*_filters(query))
    search = await read_search(session, query.q) if query.q else None
    if search and search.is_empty:
        return Page(items=[], next_cursor=None), math.inf
    if search and query.order == "relevance":
        page = _by_relevance(statement, search, paging)
        names = ["rank", "starts_at", "id"]
    else:
        statement = search.narrow(statement) if search else statement
        page = _sorted(statement, query, _position(query, paging))
        names = [query.order.lstrip("-"), "id"]
    rows = list((await session.execute(_with_availability(page.limit(paging.limit + 1)))).all())
    # A join promises no order, whatever its inner side had.
    key = attrgetter(*names)
    rows.sort(key=key, reverse=query.order.startswith("-"))
    shown, cursor = paging.page(rows, lambda row: (query.order, *key(row)))
    items = [EventPublic.model_validate(row) for row in shown]
    seconds = min((row.until_start.total_seconds() for row in shown), default=math.inf)
    return Page(items=items, next_cursor=cursor), seconds


def _by_relevance(statement: Select[Any], search: Search, paging: Paging) -> Select[Any]:
    """The best matches first, of equal ones that which begins first."""
    condition = statement.whereclause
    ranked = search.ranked(true() if condition is None else condition)
    key = (ranked.c.rank, ranked.c.starts_at, ranked.c.id)
    page = statement.add_columns(ranked.c.rank).join(ranked, ranked.c.id == col(Event.id))
    after = paging.after(str, int, datetime, UUID)
    if after is not None:
        if after[0] != "relevance" or not 0 <= after[1] <= WORST_RANK:
            raise InvalidRequest.field("cursor", "It belongs to another sort order.")
        page = page.where(tuple_(*key) > tuple_(*(literal(part) for part in after[1:])))
    return page.order_by(*key)


def _filters(query: EventQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.city:
        conditions.append(func.event_plain(Event.city) == func.event_plain(query.city))
    if query.category:
        conditions.append(func.event_plain(Event.category) == func.event_plain(query.category))
    if query.starts_from:
        conditions.append(col(Event.starts_at) >= query.starts_from)
    if query.starts_to:
        conditions.append(col(Event.starts_at) <= query.starts_to)
    if isinstance(query.organizer, UUID):
        conditions.append(col(Event.organizer_id) == query.organizer)
    return conditions


def _position(query: EventQuery, paging: Paging) -> tuple[datetime, UUID] | None:
    key = paging.after(str, datetime, UUID)
    if key is None:
        return None
    if key[0] != query.order:
        raise InvalidRequest.field("cursor", "It belongs to another sort order.")
    return key[1], key[2]


def _sorted(
    statement: Select[Any], query: EventQuery, after: tuple[datetime, UUID] | None
) -> Select[Any]:
    column = col(Event.created_at) if query.order == "-created_at" else col(Event.starts_at)
    key = tuple_(column, col(Event.id))
    if query.order.startswith("-"):
        statement = statement.order_by(column.desc(), col(Event.id).desc())
        return (
            statement.where(key < tuple_(literal(after[0]), literal(after[1])))
            if after
            else statement
        )
    statement = statement.order_by(column, col(Event.id))
    return (
        statement.where(key > tuple_(literal(after[0]), literal(after[1]))) if after else statement
    )


def _visible_to(viewer: UUID | None) -> ColumnElement[bool]:
    return or_(col(Event.status) != "draft", col(Event.organizer_id) == viewer)


async def list_events_by_id(
    session: AsyncSession, event_ids: Sequence[UUID], *, viewer: UUID | None
) -> dict[UUID, EventPublic]:
    """Those of the events that the viewer may see."""
    statement = select(*_SHOWN).where(col(Event.id).in_(event_ids), _visible_to(viewer))
    found = await session.execute(_with_availability(statement))
    return {row.id: EventPublic.model_validate(row) for row in found}


async def get_availability(
    session: AsyncSession, event_id: UUID, *, viewer: UUID | None
) -> Availability:
    found = await list_availability(session, [event_id], viewer=viewer)
    if event_id not in found:
        raise NotFound
    return found[event_id]


async def list_availability(
    session: AsyncSession, event_ids: Sequence[UUID], *, viewer: UUID | None
) -> dict[UUID, Availability]:
    """By event, for those that the viewer may see."""
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
    found = await session.execute(statement)
    return {row.id: Availability.model_validate(row, from_attributes=True) for row in found}


# The map of each event by a query of its own, so that PostgreSQL looks up seats by their event
# however many events it expects.
_SEAT_MAPS = text("""
    SELECT event.id, (
        WITH seats AS (
            SELECT section_id, row_name, min(position) AS position,
                json_agg(json_build_object('id', id, 'number', number, 'state', CASE
                    WHEN booking_id IS NULL OR held_until <= now() THEN 'free'
                    WHEN held_until IS NULL THEN 'booked' ELSE 'held' END) ORDER BY position) AS seats
            FROM seat WHERE event_id = event.id
            GROUP BY section_id, row_name
        ), sections AS (
            SELECT section.name, coalesce(section.price, event.price) AS price,
                min(seats.position) AS position,
                json_agg(json_build_object('name', seats.row_name, 'seats', seats.seats)
                    ORDER BY seats.position) AS rows
            FROM seats JOIN section ON section.id = seats.section_id
            GROUP BY section.id
        )
        SELECT json_build_object('sections', coalesce(json_agg(
            json_build_object('name', name, 'price', price, 'rows', rows) ORDER BY position
        ), '[]'))::text FROM sections
    ) AS seat_map
    FROM event
    WHERE event.id = ANY(:event_ids) AND (event.status <> 'draft' OR event.organizer_id = :viewer)
""").bindparams(bindparam("event_ids", type_=ARRAY(Uuid)), bindparam("viewer", type_=Uuid))


async def list_seat_maps(
    session: AsyncSession, event_ids: Sequence[UUID], *, viewer: UUID | None
) -> dict[UUID, str]:
    """By event, for those that the viewer may see: every seat with its state, read from the seats
    themselves, as JSON in the form of SeatMap. PostgreSQL writes 100,000 seats in a third of a
    second, where Python would keep everybody waiting. General admission has no map."""
    given = {"event_ids": list(event_ids), "viewer": viewer}
    return {row.id: row.seat_map for row in await session.execute(_SEAT_MAPS, given)}


async def get_seat_map(session: AsyncSession, event_id: UUID, *, viewer: UUID | None) -> str:
    found = await list_seat_maps(session, [event_id], viewer=viewer)
    if event_id not in found:
        raise NotFound
    return found[event_id]


async def lock_event(session: AsyncSession, event_id: UUID, *, owner: UUID | None) -> Event:
    """The organizer's event, or anybody's without ``owner``, locked against every booking until the end
    of the transaction.

    A stranger's draft is NotFound, a stranger's published event Forbidden.
    """
    statement = select(Event).where(col(Event.id) == event_id).with_for_update()
    event: Event | None = (await session.execute(statement)).scalar_one_or_none()
    if event is not None and owner is None:
        return event
    return owned(event, owner)


def owner_for(person: Person) -> UUID | None:
    """Whose events a person may change: their own, or, as a superuser, anybody's (None)."""
    return None if person.is_superuser else person.user_id


def may_change(event: Any, person: Person | None) -> bool:
    """Whether it is theirs, or they are superusers. ``event`` is an Event or a row with its columns."""
    return person is not None and (person.is_superuser or event.organizer_id == person.user_id)


async def require_organizer(session: AsyncSession, event_id: UUID, user_id: UUID) -> Event:
    """The event, for its organizer, without a lock; refuses others as ``lock_event`` does."""
    found = await session.execute(select(Event).where(col(Event.id) == event_id))
    return owned(found.scalar_one_or_none(), user_id)


def owned(event: Event | None, owner: UUID | None) -> Event:
    if event is None or (event.status == "draft" and event.organizer_id != owner):
        raise NotFound
    if event.organizer_id != owner:
        raise Forbidden("Only its organizer may do this.")
    return event


async def count_free_seats(executor: Executor, event_id: UUID) -> int:
    """Counted from the seats themselves, in a look that begins now.

    Now, and not when the transaction began: it may have waited since, and a hold that ended
    meanwhile is free. As a query of its own the time is read once, after the look has begun.
    """
    now = select(func.clock_timestamp()).scalar_subquery()
    free = select(func.count()).where(
        col(Seat.event_id) == event_id, col(Seat.booking_id).is_(None)
    )
    lapsed = select(func.count()).where(col(Seat.event_id) == event_id, col(Seat.held_until) <= now)
    counts = await executor.execute(select(free.scalar_subquery() + lapsed.scalar_subquery()))
    return int(counts.scalar_one())
