"""A group where no row has so many neighbours: few pieces that lie near to each other.

A search for a good group, not for the best: around each run from the front, until two pieces are hardly
farther apart than neighbours, or as far as the work allows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from event_service.bookings.free_rows import Row, Run, best_window

# A row lies about as far behind the next as two seats are wide.
ROW_DEPTH_SEATS = 2
# Rows behind the first one in which neighbours are looked for, even if fewer have seats enough.
NEAR_ROWS = 2
WORK_PER_GROUP = 1_000
# Two pieces beside a single taken seat, or one behind the other.
GOOD_SPREAD = 3


@dataclass
class Work:
    """How many more runs may be looked at; each takes about a microsecond."""

    left: int


class Piece(NamedTuple):
    """Seats of one run; ``row`` is the index in the list of rows."""

    row: int
    column: int
    size: int


class _Candidate(NamedTuple):
    """A run that may be a part of the group, and where it lies."""

    row: int
    row_index: int
    run: Run


def scattered(rows: Sequence[Row], size: int, work: Work) -> list[Piece]:
    """``size`` seats of ``rows``, which come from the front and have so many."""
    best: tuple[int, list[Piece]] | None = None
    stop = max(work.left - WORK_PER_GROUP, 0)
    for first, row in enumerate(rows):
        if work.left <= stop:
            break
        if not row.runs:
            continue
        candidates = _near(rows, first, size, work)
        if candidates is None:
            break
        for seed in candidates[: len(row.runs)]:
            work.left -= len(candidates)
            if work.left <= stop:
                break
            pieces = _around(seed, candidates, size)
            spread = _spread(rows, pieces)
            if spread <= size + GOOD_SPREAD:
                return pieces
            if best is None or spread < best[0]:
                best = spread, pieces
    return best[1] if best else from_front(rows, size)


def _near(rows: Sequence[Row], first: int, size: int, work: Work) -> list[_Candidate] | None:
    """The runs of a row and of as many behind it as have enough seats together; None if they have not."""
    candidates: list[_Candidate] = []
    seats = 0
    front = rows[first].free.index
    for at in range(first, len(rows)):
        row = rows[at]
        if seats >= size and row.free.index > front + NEAR_ROWS:
            break
        seats += row.seats
        candidates += [_Candidate(at, row.free.index, run) for run in row.runs]
    work.left -= len(candidates)
    return candidates if seats >= size else None


def _around(seed: _Candidate, candidates: Sequence[_Candidate], size: int) -> list[Piece]:
    """The seed and then what is near to it, long runs rather than short ones."""
    more = size - seed.run.length
    twice_middle = 2 * seed.run.column + seed.run.length - 1

    def cost(candidate: _Candidate) -> tuple[int, int, int]:
        run = candidate.run
        wider = max(seed.run.column - run.column, 0) + max(run.end - seed.run.end, 0)
        away = wider + ROW_DEPTH_SEATS * abs(candidate.row_index - seed.row_index)
        return away - 2 * min(run.length, more), candidate.row, run.column

    order = [
        seed,
        *sorted((candidate for candidate in candidates if candidate is not seed), key=cost),
    ]
    pieces: list[Piece] = []
    for candidate in order:
        if candidate.run.length >= size:
            window = best_window(candidate.run, size, twice_middle)
            return [*pieces, Piece(candidate.row, window.column, size)]
        pieces.append(Piece(candidate.row, candidate.run.column, candidate.run.length))
        size -= candidate.run.length
    raise ValueError("there are not so many seats")


def _spread(rows: Sequence[Row], pieces: Sequence[Piece]) -> int:
    """How wide and how deep a group lies, in seats, and of how many pieces it is."""
    depths = [rows[piece.row].free.index for piece in pieces]
    width = max(piece.column + piece.size for piece in pieces) - min(p.column for p in pieces)
    return width + ROW_DEPTH_SEATS * (max(depths) - min(depths)) + len(pieces)


def from_front(rows: Sequence[Row], size: int) -> list[Piece]:
    """The first ``size`` seats of ``rows``, which have so many."""
    pieces: list[Piece] = []
    for at, row in enumerate(rows):
        for run in row.runs:
            if not size:
                return pieces
            taken = min(run.length, size)
            pieces.append(Piece(at, run.column, taken))
            size -= taken
    return pieces
