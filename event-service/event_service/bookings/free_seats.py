"""Reading free seats for the choice of adjacent ones: as many as a choice needs, from the front.

Nothing is locked here. Another transaction may take a seat before the one that has chosen it does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from event_service.bookings.adjacent import FreeSeats, Location
from event_service.bookings.free_rows import FreeRow
from event_service.bookings.sql import statements
from event_service.statuses import SeatKind
from service_kit.database.sql_files import SqlConnection

SEATS_PER_CHUNK = 2_000
# Behind so many seats without an adjacent group the nearest that fit are taken.
MAX_CHUNKS = 4


class GroupRequest(NamedTuple):
    """So many seats of a kind, in one section or (None) in any."""

    size: int
    section: str | None = None
    kind: SeatKind = SeatKind.STANDARD


@dataclass
class _Progress:
    """What was read of a section and kind; ``after`` is None at the end of the hall."""

    after: int | None = 0
    chunks: int = 0


@dataclass
class SeatChoice:
    """The free seats of an event as they are read, and groups chosen of them: no seat twice."""

    connection: SqlConnection
    event_id: UUID
    free: FreeSeats = field(default_factory=FreeSeats)
    _progress: dict[tuple[str | None, SeatKind], _Progress] = field(default_factory=dict)

    async def choose(self, request: GroupRequest) -> list[UUID] | None:
        """The ids of an adjacent group, else of the nearest seats that fit; None where there are not so
        many free seats."""
        size, section, kind = request
        progress = self._progress.setdefault((section, kind), _Progress())
        while True:
            ids = self.free.take_adjacent(size, section=section, kind=kind)
            if ids is not None:
                return ids
            missing = size - self.free.count(section=section, kind=kind)
            if progress.after is None or (missing <= 0 and progress.chunks >= MAX_CHUNKS):
                return self.free.take_nearest(size, section=section, kind=kind)
            await self._read_more(progress, section, kind, max(missing, SEATS_PER_CHUNK))

    async def _read_more(
        self, progress: _Progress, section: str | None, kind: SeatKind, seats: int
    ) -> None:
        assert progress.after is not None
        rows, progress.after = await read_free_rows(
            self.connection, self.event_id, section, kind, after=progress.after, seats=seats
        )
        progress.chunks += 1
        self.free.add(rows)


async def read_free_rows(
    connection: SqlConnection,
    event_id: UUID,
    section: str | None,
    kind: SeatKind,
    *,
    after: int = 0,
    seats: int = SEATS_PER_CHUNK,
) -> tuple[list[FreeRow], int | None]:
    """Rows with the first ``seats`` free seats behind a position, and the position behind which the next
    ones begin (None: there are no more). A row is whole, unless it has more than ``seats`` by itself.
    """
    rows = await statements.find_free_rows.rows(
        connection, event_id=event_id, section=section, kind=kind, after=after, seats=seats
    )
    next_after = None
    if sum(len(row.ids) for row in rows) >= seats:
        next_after = rows[-1].last_position
        if len(rows) > 1:
            next_after = rows.pop().first_position - 1
    return [
        FreeRow(
            section=row.section,
            section_index=row.section_index,
            name=row.name,
            index=row.index,
            first_column=row.first_column,
            last_column=row.last_column,
            kind=kind,
            columns=row.columns,
            ids=row.ids,
        )
        for row in rows
    ], next_after


async def find_alternatives(
    connection: SqlConnection, event_id: UUID, seat_ids: Sequence[UUID]
) -> list[list[UUID]]:
    """Up to three groups of as many free seats as were wanted: adjacent, the nearest first. Accessible ones
    only instead of accessible ones."""
    wanted = await statements.locate_seats.rows(connection, event_id=event_id, seat_ids=seat_ids)
    is_accessible = bool(wanted) and all(seat.kind == SeatKind.ACCESSIBLE for seat in wanted)
    kind = SeatKind.ACCESSIBLE if is_accessible else SeatKind.STANDARD
    after = None
    if wanted:
        middle = wanted[len(wanted) // 2].position
        after = await statements.find_position_before.value(
            connection, event_id=event_id, before=middle, seats=SEATS_PER_CHUNK // 2
        )
    rows, _ = await read_free_rows(connection, event_id, None, kind, after=after or 0)
    locations = [Location(s.section_index, s.row_index, s.column_number) for s in wanted]
    return FreeSeats(rows).alternatives(locations, len(seat_ids), kind=kind)
