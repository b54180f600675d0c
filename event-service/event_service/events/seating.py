"""The seats of an event: made when it is created, and changed only while what is taken still fits."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from sqlalchemy import delete, func, or_, select, text, update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.errors import CapacityInUse
from event_service.events.schemas import SectionIn
from event_service.models import Event, Seat, Section
from service_kit.database import affected_rows
from service_kit.ids import new_id

SEATS_PER_STATEMENT = 20_000

_INSERT = text("""
    INSERT INTO seat (id, event_id, section_id, row_name, number, position)
    SELECT new.id, :event_id, new.section_id, new.row_name, new.number, new.position
    FROM unnest(
        CAST(:ids AS uuid[]), CAST(:sections AS uuid[]), CAST(:rows AS text[]),
        CAST(:numbers AS int[]), CAST(:positions AS int[])
    ) AS new (id, section_id, row_name, number, position)
""")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a seat is. General admission has positions only."""

    position: int
    section_id: UUID | None = None
    row_name: str | None = None
    number: int | None = None


async def add_general_seats(session: AsyncSession, event_id: UUID, positions: range) -> None:
    await _insert(session, event_id, (Place(position) for position in positions))


async def add_assigned_seats(
    session: AsyncSession, event_id: UUID, sections: list[SectionIn]
) -> None:
    ids = await _insert_sections(session, event_id, sections)
    await _insert(session, event_id, _places(sections, ids))


async def _insert_sections(
    session: AsyncSession, event_id: UUID, sections: list[SectionIn]
) -> dict[str, UUID]:
    rows = [
        Section(event_id=event_id, name=section.name, price=section.price, position=position)
        for position, section in enumerate(sections)
    ]
    session.add_all(rows)
    await session.flush()
    return {row.name: row.id for row in rows}


def _places(sections: list[SectionIn], ids: dict[str, UUID]) -> Iterator[Place]:
    position = 0
    for section in sections:
        for row in section.rows:
            for number in range(1, row.seats + 1):
                position += 1
                yield Place(position, ids[section.name], row.name, number)


async def _insert(session: AsyncSession, event_id: UUID, places: Iterator[Place]) -> None:
    while batch := list(islice(places, SEATS_PER_STATEMENT)):
        await session.execute(
            _INSERT,
            {
                "event_id": event_id,
                "ids": [new_id() for _ in batch],
                "sections": [place.section_id for place in batch],
                "rows": [place.row_name for place in batch],
                "numbers": [place.number for place in batch],
                "positions": [place.position for place in batch],
            },
        )


_FREE = or_(col(Seat.booking_id).is_(None), col(Seat.held_until) <= func.now())


async def change_capacity(session: AsyncSession, event: Event, capacity: int) -> None:
    """Adds seats, or takes free ones away. Raises CapacityInUse. The event is locked."""
    if capacity > event.capacity:
        last = await session.scalar(
            select(func.max(Seat.position)).where(col(Seat.event_id) == event.id)
        )
        first = (last or 0) + 1
        await add_general_seats(session, event.id, range(first, first + capacity - event.capacity))
    elif capacity < event.capacity:
        surplus = (
            select(col(Seat.id))
            .where(col(Seat.event_id) == event.id, _FREE)
            .order_by(col(Seat.position).desc())
            .limit(event.capacity - capacity)
            .with_for_update()
        )
        gone = await session.execute(delete(Seat).where(col(Seat.id).in_(surplus)))
        if affected_rows(gone) != event.capacity - capacity:
            taken = event.capacity - affected_rows(gone)
            raise CapacityInUse(f"{taken} seats are booked or held.", in_use=taken)
    event.capacity = capacity


async def change_sections(session: AsyncSession, event: Event, sections: list[SectionIn]) -> None:
    """Puts the new plan in place of the old: seats that stay keep their ids and their bookings,
    new ones are added, others go if they are free. Raises CapacityInUse. The event is locked."""
    old = {row.name: row for row in await _sections(session, event.id)}
    added = [section for section in sections if section.name not in old]
    ids = {name: row.id for name, row in old.items()}
    ids |= await _insert_sections(session, event.id, added)
    plan = {(p.section_id, p.row_name, p.number): p for p in _places(sections, ids)}
    seats = await session.execute(
        select(col(Seat.id), col(Seat.section_id), col(Seat.row_name), col(Seat.number)).where(
            col(Seat.event_id) == event.id
        )
    )
    kept: dict[UUID, Place] = {}
    gone: list[UUID] = []
    for seat_id, section_id, row_name, number in seats:
        place = plan.pop((section_id, row_name, number), None)
        if place is None:
            gone.append(seat_id)
        else:
            kept[seat_id] = place
    await _remove(session, gone)
    await _renumber(session, event.id, kept)
    await _insert(session, event.id, iter(plan.values()))
    await _settle_sections(session, old, sections)
    event.capacity = len(kept) + len(plan)


async def _sections(session: AsyncSession, event_id: UUID) -> list[Section]:
    found = await session.execute(select(Section).where(col(Section.event_id) == event_id))
    return list(found.scalars())


async def _remove(session: AsyncSession, seat_ids: list[UUID]) -> None:
    if not seat_ids:
        return
    removed = 0
    for first in range(0, len(seat_ids), SEATS_PER_STATEMENT):
        batch = seat_ids[first : first + SEATS_PER_STATEMENT]
        done = await session.execute(delete(Seat).where(col(Seat.id).in_(batch), _FREE))
        removed += affected_rows(done)
    in_use = len(seat_ids) - removed
    if in_use:
        raise CapacityInUse(f"{in_use} seats that would go are booked or held.", in_use=in_use)


async def _renumber(session: AsyncSession, event_id: UUID, kept: dict[UUID, Place]) -> None:
    """Positions are unique: first all go out of the way, then each to its place."""
    if not kept:
        return
    await session.execute(
        update(Seat).where(col(Seat.event_id) == event_id).values(position=-col(Seat.position))
    )
    await session.execute(
        text("""
            UPDATE seat SET position = new.position
            FROM unnest(CAST(:ids AS uuid[]), CAST(:positions AS int[])) AS new (id, position)
            WHERE seat.id = new.id
        """),
        {"ids": list(kept), "positions": [place.position for place in kept.values()]},
    )


async def _settle_sections(
    session: AsyncSession, old: dict[str, Section], sections: list[SectionIn]
) -> None:
    wanted = {section.name: (position, section) for position, section in enumerate(sections)}
    for name, row in old.items():
        if name in wanted:
            row.position, row.price = wanted[name][0], wanted[name][1].price
        else:
            await session.delete(row)
    await session.flush()
