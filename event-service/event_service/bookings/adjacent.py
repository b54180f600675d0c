"""Which of the free seats a group gets: neighbours in one row where there are any, the best first.

No I/O: a choice from a snapshot of free seats. Whether they are still free is decided when they are taken.

Cost, for S seats in R rows: O(S) for the snapshot, O(R) for the first group of each size, and for each
further one the runs of the few rows that it looks at. Groups that are not adjacent look at
``WORK_PER_SNAPSHOT`` runs at most, all groups of a snapshot together. ``alternatives`` is O(S log S).
"""

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple
from uuid import UUID

from event_service.bookings.free_rows import FreeRow, Row, Run, Window, best_window, without
from event_service.bookings.scattered import (
    ROW_DEPTH_SEATS,
    Piece,
    Work,
    from_front,
    scattered,
)
from event_service.statuses import SeatKind

MAX_ALTERNATIVES = 3
WORK_PER_SNAPSHOT = 8_000


class Location(NamedTuple):
    """Where a seat is, free or not; counted as FreeRow counts."""

    section_index: int
    row_index: int
    column: int


class _SectionSeats:
    """The rows of a section with free seats of one kind, from the front."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.rows: list[Row] = []
        self.seats = 0
        # By size of the group: a heap of the rows that may have one without leaving a seat single.
        self._clean_rows: dict[int, list[int]] = {}

    def add(self, row: FreeRow) -> None:
        self.rows.append(Row(row))
        self.seats += len(row.ids)
        self._clean_rows.clear()

    def take_adjacent(self, size: int) -> list[UUID] | None:
        at = self._find_clean_row(size)
        if at is None:
            at = next((i for i, row in enumerate(self.rows) if row.longest >= size), None)
        if at is None:
            return None
        window = self.rows[at].best(size)
        assert window is not None
        return self.take([Piece(at, window.column, size)])

    def _find_clean_row(self, size: int) -> int | None:
        """The first row with a group that leaves no seat single."""
        rows = self._clean_rows.get(size)
        if rows is None:
            rows = [i for i, row in enumerate(self.rows) if row.longest >= size]
            self._clean_rows[size] = rows
        while rows:
            window = self.rows[rows[0]].best(size)
            if window is not None and not window.singles:
                return rows[0]
            heappop(rows)
        return None

    def take(self, pieces: Sequence[Piece]) -> list[UUID]:
        windows: dict[int, list[tuple[int, int]]] = {}
        for piece in pieces:
            windows.setdefault(piece.row, []).append((piece.column, piece.size))
        ids: list[UUID] = []
        for row, of_row in windows.items():
            ids += self.rows[row].take(of_row)
            # Shorter runs may have a clean group where longer ones had none.
            for rows in self._clean_rows.values():
                heappush(rows, row)
        self.seats -= len(ids)
        return ids


class FreeSeats:
    """A snapshot of an event's free seats, from which groups are taken one after another.

    ``rows`` come in the order of the hall: sections in their order, rows from the front.
    """

    def __init__(self, rows: Iterable[FreeRow] = ()) -> None:
        self._sections: dict[SeatKind, dict[str, _SectionSeats]] = {kind: {} for kind in SeatKind}
        self._known: set[tuple[str, str, SeatKind, int]] = set()
        self._work = Work(WORK_PER_SNAPSHOT)
        self.add(rows)

    def add(self, rows: Iterable[FreeRow]) -> None:
        """Adds rows that lie behind those that are here in their section. A row that was added before is left
        out, whether or not its seats are taken."""
        for row in rows:
            key = row.section, row.name, row.kind, row.columns[0]
            if key not in self._known:
                self._known.add(key)
                sections = self._sections[row.kind]
                if row.section not in sections:
                    sections[row.section] = _SectionSeats(row.section_index)
                sections[row.section].add(row)

    def count(self, *, section: str | None = None, kind: SeatKind = SeatKind.STANDARD) -> int:
        return sum(seats.seats for seats in self._of(section, kind))

    def _of(self, section: str | None, kind: SeatKind) -> list[_SectionSeats]:
        sections = self._sections[kind]
        if section is None:
            return sorted(sections.values(), key=lambda seats: seats.index)
        return [sections[section]] if section in sections else []

    def take(
        self, size: int, *, section: str | None = None, kind: SeatKind = SeatKind.STANDARD
    ) -> list[UUID] | None:
        """An adjacent group, else the nearest that fit; None where there are not so many seats."""
        ids = self.take_adjacent(size, section=section, kind=kind)
        return self.take_nearest(size, section=section, kind=kind) if ids is None else ids

    def take_adjacent(
        self, size: int, *, section: str | None = None, kind: SeatKind = SeatKind.STANDARD
    ) -> list[UUID] | None:
        """The ids of ``size`` neighbours in one row, or None.

        They are in the first section that has such a group; there one that leaves no seat single comes
        first, then the row nearest to the front, then the seats nearest to the middle of their row.
        """
        for seats in self._of(section, kind):
            ids = seats.take_adjacent(size)
            if ids is not None:
                return ids
        return None

    def take_nearest(
        self, size: int, *, section: str | None = None, kind: SeatKind = SeatKind.STANDARD
    ) -> list[UUID] | None:
        """The ids of ``size`` seats near to each other, in one section if one has so many; None where there
        are not so many seats."""
        sections = self._of(section, kind)
        for seats in sections:
            if seats.seats >= size:
                return seats.take(scattered(seats.rows, size, self._work))
        if sum(seats.seats for seats in sections) < size:
            return None
        ids: list[UUID] = []
        for seats in sections:
            ids += seats.take(from_front(seats.rows, size - len(ids)))
        return ids

    def alternatives(
        self, wanted: Sequence[Location], size: int, *, kind: SeatKind = SeatKind.STANDARD
    ) -> list[list[UUID]]:
        """Up to MAX_ALTERNATIVES groups of ``size`` neighbours, those nearest to the ``wanted`` seats first;
        without wanted seats from the front. Takes nothing."""
        nearby = _Nearby(wanted, size)
        for seats in self._of(None, kind):
            for row in seats.rows:
                for run in row.runs:
                    nearby.add(row, run)
        return nearby.groups()


class _Group(NamedTuple):
    """Compares by distance: another section lies farther away than any row, and a row as far as some seats,
    but not beside them."""

    sections_away: int
    distance: int
    rows_away: int
    window: Window
    number: int
    row: Row
    run: Run


class _Nearby:
    """Groups of neighbours by their distance from some seats; no two share a seat."""

    def __init__(self, wanted: Sequence[Location], size: int) -> None:
        self._size = size
        self._groups: list[_Group] = []
        self._added = 0
        ordered = sorted(wanted)
        self._middle = ordered[len(ordered) // 2] if ordered else None
        columns = [at.column for at in ordered if at[:2] == ordered[len(ordered) // 2][:2]]
        self._twice_column = columns[0] + columns[-1] if columns else 0

    def add(self, row: Row, run: Run) -> None:
        if run.length < self._size:
            return
        middle = self._middle or Location(0, 0, 0)
        twice_column = self._twice_column if self._middle else row.twice_middle
        window = best_window(run, self._size, twice_column)
        rows_away = abs(row.free.index - middle.row_index)
        self._added += 1
        self._groups.append(
            _Group(
                abs(row.free.section_index - middle.section_index),
                window.distance + 2 * ROW_DEPTH_SEATS * rows_away,
                rows_away,
                window,
                self._added,
                row,
                run,
            )
        )

    def groups(self) -> list[list[UUID]]:
        heapify(self._groups)
        nearest: list[_Group] = []
        while self._groups and len(nearest) < MAX_ALTERNATIVES:
            group = heappop(self._groups)
            nearest.append(group)
            for rest in without(group.run, group.window.skipped, self._size):
                self.add(group.row, rest)
            heapify(self._groups)
        nearest.sort()
        return [
            list(group.row.ids(group.run, group.window.skipped, self._size)) for group in nearest
        ]
