"""The seats of an event: created with it, and changed as long as booked and held seats stay.

PostgreSQL creates and compares the seats from the rows of the plan: 100,000 objects in Python would
block the event loop.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.plans import BLOCKED, GAP, RowIn, SectionIn, count_seats
from event_service.events.sql import statements
from event_service.models import Event, Seat, Section
from event_service.problems import CapacityInUse
from event_service.rules import IS_FREE
from service_kit.database.bulk_inserts import ALLOW_LONG_STATEMENTS
from service_kit.database.engine import affected_rows, sql_connection
from service_kit.database.sql_files import SqlConnection

SEATS_PER_STATEMENT = 20_000


@dataclass
class _Rows:
    """Rows of a plan as parameters of PostgreSQL: a list for each column."""

    sections: list[UUID] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    numberings: list[str] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)

    def add(self, section_id: UUID, row: RowIn, position: int, index: int) -> None:
        self.sections.append(section_id)
        self.names.append(row.name)
        self.letters.append(row.letters)
        self.positions.append(position)
        self.numberings.append(row.numbering)
        self.indexes.append(index)

    def parameters(self, event_id: UUID) -> dict[str, Any]:
        return {
            "event_id": event_id,
            "sections": self.sections,
            "names": self.names,
            "letters": self.letters,
            "positions": self.positions,
            "numberings": self.numberings,
        }

    def shape(self) -> dict[str, Any]:
        """What is stored of the rows themselves."""
        return {
            "sections": self.sections,
            "names": self.names,
            "numberings": self.numberings,
            "last_columns": [len(row.rstrip(GAP)) for row in self.letters],
            "widths": [len(row) for row in self.letters],
        }

    def ends(self) -> dict[str, Any]:
        first_columns = [len(row) - len(row.lstrip(GAP)) + 1 for row in self.letters]
        return {**self.shape(), "indexes": self.indexes, "first_columns": first_columns}


async def add_general_seats(session: AsyncSession, event_id: UUID, positions: range) -> None:
    connection = await sql_connection(session)
    for first in range(positions.start, positions.stop, SEATS_PER_STATEMENT):
        last = min(first + SEATS_PER_STATEMENT, positions.stop) - 1
        await statements.add_general_seats.run(
            connection, event_id=event_id, first=first, last=last
        )


async def add_assigned_seats(
    session: AsyncSession, event_id: UUID, sections: list[SectionIn]
) -> None:
    ids = await _insert_sections(session, event_id, sections)
    await _add_rows(await sql_connection(session), event_id, sections, ids)


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
    connection: SqlConnection, event_id: UUID, sections: list[SectionIn], ids: dict[str, UUID]
) -> int:
    """Adds the seats of the plan that do not exist yet; returns their number."""
    added = 0
    for rows in _rows(sections, ids, seats=SEATS_PER_STATEMENT):
        parameters = rows.parameters(event_id)
        added += await statements.add_seats.run(connection, **parameters)
        if any(BLOCKED in row for row in rows.letters):
            added += await statements.add_blocked_seats.run(connection, **parameters)
        await statements.write_rows.run(connection, **rows.ends())
    return added


def _rows(
    sections: list[SectionIn], ids: dict[str, UUID], *, seats: int | None = None
) -> Iterator[_Rows]:
    """The rows of the plan, in batches of about ``seats`` seats, or in one."""
    rows, position, in_batch = _Rows(), 0, 0
    for section in sections:
        for index, row in enumerate(section.rows):
            if seats is not None and in_batch >= seats:
                yield rows
                rows, in_batch = _Rows(), 0
            rows.add(ids[section.name], row, position, index)
            position += row.seat_count + row.blocked_count
            in_batch += len(row.letters)
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
    connection = await sql_connection(session)
    in_use = await statements.count_seats_in_use.value(connection, **parameters)
    if in_use:
        raise CapacityInUse(
            f"{in_use} seats that would be removed are booked or held.", in_use=in_use
        )
    changed = await statements.count_changed_rows.value(connection, **rows.shape())
    changed += await _change_rows(connection, event.id, rows)
    changed += await _add_rows(connection, event.id, sections, ids)
    has_other_sections = await _update_sections(session, old, sections)
    event.capacity = count_seats(sections)
    return bool(changed or added or has_other_sections)


async def _change_rows(connection: SqlConnection, event_id: UUID, rows: _Rows) -> int:
    """Removes the seats that are not in the plan, and moves the others; returns the number of both."""
    parameters = rows.parameters(event_id)
    changed = 0
    for statement in (
        statements.remove_seats,
        statements.remove_blocked_seats,
        statements.change_seats,
        statements.change_blocked_seats,
    ):
        changed += await statement.run(connection, **parameters)
    await statements.finish_moves.run(connection, event_id=event_id)
    await statements.remove_rows.run(
        connection, event_id=event_id, sections=rows.sections, names=rows.names
    )
    return changed


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
