"""The seats of an event: created with it, and changed as long as booked and held seats stay.

PostgreSQL creates and compares the seats from the rows of the plan: 100,000 objects in Python would
block the event loop.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Executable,
    Integer,
    String,
    Uuid,
    bindparam,
    delete,
    func,
    select,
    text,
)
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.schemas import SectionIn, count_seats
from event_service.models import Event, Seat, Section
from event_service.problems import CapacityInUse
from event_service.rules import IS_FREE
from service_kit.database.bulk_inserts import ALLOW_LONG_STATEMENTS, NEW_ID_IN_SQL
from service_kit.database.engine import affected_rows

SEATS_PER_STATEMENT = 20_000

# The rows of the plan: ``position`` is that of the seat before the first, ``seats`` their number.
_ROWS = """
    unnest(:sections, :names, :seats, :positions)
        AS plan_row (section_id, name, seats, position)
"""
_IS_IN_ROW = """
    plan_row.section_id = seat.section_id AND plan_row.name = seat.row_name
        AND seat.number <= plan_row.seats
"""


def _for_rows(statement: str) -> Executable:
    return text(statement).bindparams(
        bindparam("event_id", type_=Uuid()),
        bindparam("sections", type_=ARRAY(Uuid())),
        bindparam("names", type_=ARRAY(String())),
        bindparam("seats", type_=ARRAY(Integer())),
        bindparam("positions", type_=ARRAY(Integer())),
    )


_ADD_GENERAL = text(f"""
    INSERT INTO seat (id, event_id, position)
    SELECT {NEW_ID_IN_SQL}, :event_id, position FROM generate_series(:first, :last) AS position
""").bindparams(
    bindparam("event_id", type_=Uuid()),
    bindparam("first", type_=Integer()),
    bindparam("last", type_=Integer()),
)

_ADD_ROWS = _for_rows(f"""
    INSERT INTO seat (id, event_id, section_id, row_name, number, position)
    SELECT {NEW_ID_IN_SQL}, :event_id, plan_row.section_id, plan_row.name, new.number,
        plan_row.position + new.number
    FROM {_ROWS}, generate_series(1, plan_row.seats) AS new (number)
    WHERE NOT EXISTS (
        SELECT FROM seat WHERE seat.event_id = :event_id AND seat.section_id = plan_row.section_id
            AND seat.row_name = plan_row.name AND seat.number = new.number
    )
""")

# Seats that are not in the plan.
_NOT_IN_PLAN = f"""
    seat.event_id = :event_id AND NOT EXISTS (SELECT FROM {_ROWS} WHERE {_IS_IN_ROW})
"""
_COUNT_IN_USE = _for_rows(
    f"SELECT count(*) FROM seat WHERE {_NOT_IN_PLAN} AND {IS_FREE} IS NOT TRUE"
)
_REMOVE = _for_rows(f"DELETE FROM seat WHERE {_NOT_IN_PLAN} AND {IS_FREE}")

# Positions are unique: seats that move get negative positions first, and then their new ones.
_RENUMBER = (
    _for_rows(f"""
        UPDATE seat SET position = -(plan_row.position + seat.number)
        FROM {_ROWS}
        WHERE seat.event_id = :event_id AND {_IS_IN_ROW}
            AND seat.position <> plan_row.position + seat.number
    """),
    text(
        "UPDATE seat SET position = -position WHERE event_id = :event_id AND position < 0"
    ).bindparams(bindparam("event_id", type_=Uuid())),
)


@dataclass
class _Rows:
    """Rows of a plan as parameters of PostgreSQL: a list for each column."""

    sections: list[UUID] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    seats: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    def add(self, section_id: UUID, name: str, seats: int, position: int) -> None:
        self.sections.append(section_id)
        self.names.append(name)
        self.seats.append(seats)
        self.positions.append(position)

    def parameters(self, event_id: UUID) -> dict[str, Any]:
        return {"event_id": event_id, **vars(self)}


async def add_general_seats(session: AsyncSession, event_id: UUID, positions: range) -> None:
    for first in range(positions.start, positions.stop, SEATS_PER_STATEMENT):
        last = min(first + SEATS_PER_STATEMENT, positions.stop) - 1
        await session.execute(_ADD_GENERAL, {"event_id": event_id, "first": first, "last": last})


async def add_assigned_seats(
    session: AsyncSession, event_id: UUID, sections: list[SectionIn]
) -> None:
    ids = await _insert_sections(session, event_id, sections)
    await _add_rows(session, event_id, sections, ids)


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


async def _add_rows(
    session: AsyncSession, event_id: UUID, sections: list[SectionIn], ids: dict[str, UUID]
) -> int:
    """Adds the seats of the plan that do not exist yet; returns their number."""
    added = 0
    for rows in _rows(sections, ids, seats=SEATS_PER_STATEMENT):
        added += affected_rows(await session.execute(_ADD_ROWS, rows.parameters(event_id)))
    return added


def _rows(
    sections: list[SectionIn], ids: dict[str, UUID], *, seats: int | None = None
) -> Iterator[_Rows]:
    """The rows of the plan, in batches of about ``seats`` seats, or in one."""
    rows, position, in_batch = _Rows(), 0, 0
    for section in sections:
        for row in section.rows:
            if seats is not None and in_batch >= seats:
                yield rows
                rows, in_batch = _Rows(), 0
            rows.add(ids[section.name], row.name, row.seats, position)
            position += row.seats
            in_batch += row.seats
    yield rows


async def change_capacity(session: AsyncSession, event: Event, capacity: int) -> None:
    """Adds seats, or removes free ones. Raises CapacityInUse. The event is locked."""
    if capacity > event.capacity:
        last = await session.scalar(
            select(func.max(Seat.position)).where(col(Seat.event_id) == event.id)
        )
        first = (last or 0) + 1
        await add_general_seats(session, event.id, range(first, first + capacity - event.capacity))
    elif capacity < event.capacity:
        await session.execute(ALLOW_LONG_STATEMENTS)
        surplus = (
            select(col(Seat.id))
            .where(col(Seat.event_id) == event.id, IS_FREE)
            .order_by(col(Seat.position).desc())
            .limit(event.capacity - capacity)
            .with_for_update()
        )
        removed = await session.execute(
            delete(Seat).where(col(Seat.id).in_(surplus))
            # Otherwise SQLAlchemy loads the deleted rows.
            .execution_options(synchronize_session=False)
        )
        if affected_rows(removed) != event.capacity - capacity:
            taken = event.capacity - affected_rows(removed)
            raise CapacityInUse(f"{taken} seats are booked or held.", in_use=taken)
    event.capacity = capacity


async def change_sections(session: AsyncSession, event: Event, sections: list[SectionIn]) -> bool:
    """Replaces the plan: seats that stay keep their ids and bookings, new ones are added, others are removed
    if they are free. Returns whether anything has changed. Raises CapacityInUse. The event is locked.
    """
    await session.execute(ALLOW_LONG_STATEMENTS)
    old = {row.name: row for row in await _sections(session, event.id)}
    added = [section for section in sections if section.name not in old]
    ids = {name: row.id for name, row in old.items()}
    ids |= await _insert_sections(session, event.id, added)
    [rows] = _rows(sections, ids)
    parameters = rows.parameters(event.id)
    in_use = await session.scalar(_COUNT_IN_USE, parameters)
    if in_use:
        raise CapacityInUse(
            f"{in_use} seats that would be removed are booked or held.", in_use=in_use
        )
    move_away, move_back = _RENUMBER
    changed = affected_rows(await session.execute(_REMOVE, parameters))
    changed += affected_rows(await session.execute(move_away, parameters))
    await session.execute(move_back, {"event_id": event.id})
    changed += await _add_rows(session, event.id, sections, ids)
    has_other_sections = await _update_sections(session, old, sections)
    event.capacity = count_seats(sections)
    return bool(changed or added or has_other_sections)


async def _sections(session: AsyncSession, event_id: UUID) -> list[Section]:
    rows = await session.execute(select(Section).where(col(Section.event_id) == event_id))
    return list(rows.scalars())


async def _update_sections(
    session: AsyncSession, old: dict[str, Section], sections: list[SectionIn]
) -> bool:
    """Returns whether a section is removed, or has another position or price."""
    before = {name: (row.position, row.price) for name, row in old.items()}
    new = {section.name: (position, section) for position, section in enumerate(sections)}
    for name, row in old.items():
        if name in new:
            row.position, row.price = new[name][0], new[name][1].price
        else:
            await session.delete(row)
    await session.flush()
    return before != {name: (position, section.price) for name, (position, section) in new.items()}
