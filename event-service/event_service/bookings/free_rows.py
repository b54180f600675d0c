"""Rows of a hall with the seats that are free there, and the best neighbours in one row."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from event_service.statuses import SeatKind


@dataclass(frozen=True, slots=True)
class FreeRow:
    """The free seats of one kind in a row, from left to right: their ``columns`` and ``ids``.

    ``section_index`` and ``index`` count sections, and the rows of a section, from the front.
    ``first_column`` and ``last_column`` are the ends of the row as it stands in the hall, whatever is
    taken or blocked there.
    """

    section: str
    section_index: int
    name: str
    index: int
    first_column: int
    last_column: int
    kind: SeatKind
    columns: Sequence[int]
    ids: Sequence[UUID]


class Run(NamedTuple):
    """Neighbouring free seats of one kind: an aisle, a blocked or taken seat or one of another kind ends a
    run. ``offset`` is the first seat's index in the row's ``columns``."""

    column: int
    length: int
    offset: int

    @property
    def end(self) -> int:
        """The column behind the last seat."""
        return self.column + self.length


class Window(NamedTuple):
    """Some seats of a run: all but the first ``skipped`` ones and those behind them.

    Compares as better or worse: how many seats it leaves single, twice the distance from the wanted
    middle, the column.
    """

    singles: int
    distance: int
    column: int
    skipped: int


class Row:
    """What is free of a FreeRow, as groups are taken from it."""

    __slots__ = ("free", "longest", "runs", "seats", "twice_middle")

    def __init__(self, free: FreeRow) -> None:
        self.free = free
        self.runs = list(_runs(free.columns))
        self.seats = len(free.columns)
        self.longest = max(run.length for run in self.runs)
        self.twice_middle = free.first_column + free.last_column

    def best(self, size: int) -> Window | None:
        """The best ``size`` neighbours, or None where there are not so many."""
        windows = (
            best_window(run, size, self.twice_middle) for run in self.runs if run.length >= size
        )
        return min(windows, default=None)

    def take(self, windows: Iterable[tuple[int, int]]) -> list[UUID]:
        """The ids of free neighbours, which are not free any more: for each window a column and how many
        from there on. No two are of one run. One pass, for a row may have thousands of runs."""
        ids: list[UUID] = []
        left: dict[int, list[Run]] = {}
        for column, size in windows:
            index = bisect_right(self.runs, column, key=attrgetter("column")) - 1
            run = self.runs[index]
            left[index] = without(run, column - run.column, size)
            ids += self.ids(run, column - run.column, size)
        self.runs = [
            rest for index, run in enumerate(self.runs) for rest in left.get(index, (run,))
        ]
        self.seats -= len(ids)
        self.longest = max((run.length for run in self.runs), default=0)
        return ids

    def ids(self, run: Run, skipped: int, size: int) -> Sequence[UUID]:
        first = run.offset + skipped
        return self.free.ids[first : first + size]


def _runs(columns: Sequence[int]) -> Iterator[Run]:
    start = 0
    for end in range(1, len(columns) + 1):
        if end == len(columns) or columns[end] != columns[end - 1] + 1:
            yield Run(columns[start], end - start, start)
            start = end


def without(run: Run, skipped: int, size: int) -> list[Run]:
    """The runs that are left beside a window."""
    end = skipped + size
    sides = (
        Run(run.column, skipped, run.offset),
        Run(run.column + end, run.length - end, run.offset + end),
    )
    return [side for side in sides if side.length]


def best_window(run: Run, size: int, twice_middle: int) -> Window:
    """The best ``size`` seats of a run that has so many."""
    spare = run.length - size
    # Twice the distance of a window without its skipped seats; each of these counts for two.
    twice_off = 2 * run.column + size - 1 - twice_middle
    skipped = min(max(-twice_off // 2, 0), spare)
    if spare != 1 and (skipped == 1 or skipped == spare - 1):
        # A seat would be left single. At an end of the run or a seat aside none is.
        options = {0, spare, skipped - 1, skipped + 1} - {1, spare - 1}
        skipped = min(options, key=lambda option: (abs(twice_off + 2 * option), option))
    return Window(int(spare == 1), abs(twice_off + 2 * skipped), run.column + skipped, skipped)
