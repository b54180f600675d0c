"""The checker of histories finds each kind of violation, and none in a history that may be true."""

from dataclasses import replace
from typing import Any

import pytest

from tests.events.consistency import find_violations
from tests.events.history import BOOKED, UNKNOWN, Attempt, Change, History, Row

A, B, C = "seat-a", "seat-b", "seat-c"


def booked(booking: str, *seats: str, at: float, user: str = "", **more: Any) -> Attempt:
    """Asked for at ``at``, told one second later."""
    return Attempt(
        user=user or f"guest of {booking}",
        wanted=len(seats),
        invoked=at,
        completed=at + 1,
        outcome=BOOKED,
        booking=booking,
        seats=frozenset(seats),
        **{"status": "confirmed", **more},
    )


def held(booking: str, *seats: str, at: float, until: float, **more: Any) -> Attempt:
    return booked(booking, *seats, at=at, status="held", is_hold=True, expires_at=until, **more)


def refused(
    outcome: str, wanted: int = 1, *, at: float, user: str = "late", **more: Any
) -> Attempt:
    return Attempt(user=user, wanted=wanted, invoked=at, completed=at + 1, outcome=outcome, **more)


def change(booking: str, action: str, outcome: str, *, at: float) -> Change:
    return Change(booking, action, at, at + 1, outcome)


def cancel_seats(booking: str, outcome: str, *seats: str, at: float, left: str = "") -> Change:
    named = frozenset(seats)
    return Change(booking, "cancel-seats", at, at + 1, outcome, named, frozenset({left} - {""}))


def row(attempt: Attempt, status: str = "confirmed", **more: Any) -> Row:
    holds = attempt.seats if status in ("held", "confirmed") else frozenset[str]()
    made = Row(attempt.booking, attempt.user, status, attempt.seats, holds)
    return replace(made, **more)


def history(*happened: Attempt | Change | Row, limit: int = 10) -> History:
    """Rows that are not given are as they should be."""
    made = History(frozenset({A, B, C}), limit)
    made.attempts = [one for one in happened if isinstance(one, Attempt)]
    made.changes = [one for one in happened if isinstance(one, Change)]
    made.rows = [one for one in happened if isinstance(one, Row)]
    known = {one.id for one in made.rows}
    for attempt in made.attempts:
        if attempt.outcome == BOOKED and attempt.booking not in known:
            ends = [c.outcome for c in made.changes if c.booking == attempt.booking]
            lapsed = attempt.is_hold and "confirmed" not in ends
            status = "expired" if lapsed else "confirmed"
            gone = {
                seat
                for c in made.changes
                if c.booking == attempt.booking and c.outcome in ("held", "confirmed")
                for seat in c.seats
            }
            kept = replace(attempt, seats=attempt.seats - gone)
            status = "cancelled" if "cancelled" in ends else status
            made.rows.append(row(kept, status, cancelled=frozenset(gone)))
            known.add(attempt.booking)
    return made


SOLD = (booked("1", A, B, at=0), booked("2", C, at=0))
UNANSWERED = Attempt("guest", 1, 0, 9, UNKNOWN, key="k")
TRUE: dict[str, History] = {
    "each seat once": history(*SOLD),
    "sold out": history(*SOLD, refused("sold-out", at=5, available=0)),
    "sold out to requests under way": history(*SOLD, refused("sold-out", at=0.5, available=0)),
    "too few for a group": history(SOLD[0], refused("sold-out", 2, at=5, available=1)),
    "a seat that is taken": history(
        SOLD[1], refused("seats-unavailable", 2, at=5, chosen=frozenset({B, C}), named=frozenset({C}))
    ),
    "a hold that another takes over": history(
        held("1", A, at=0, until=5), booked("2", A, at=5), change("1", "confirm", "hold-expired", at=6)
    ),
    "confirmed in time, told late": history(
        held("1", A, at=0, until=5), change("1", "confirm", "confirmed", at=4.5)
    ),
    "cancelled and sold again": history(
        booked("1", A, at=0), change("1", "cancel", "cancelled", at=2), booked("2", A, at=2)
    ),
    "a seat cancelled and sold again, and the other kept": history(
        booked("1", A, B, at=0),
        cancel_seats("1", "confirmed", A, at=2, left=B),
        booked("2", A, at=2),
        refused("seats-unavailable", at=5, chosen=frozenset({B}), named=frozenset({B})),
    ),
    "cancelled seat by seat": history(
        booked("1", A, B, at=0),
        cancel_seats("1", "confirmed", A, at=2),
        cancel_seats("1", "cancelled", B, at=4, left=B),
        change("1", "confirm", "booking-ended", at=6),
    ),
    "of a hold some seats are cancelled": history(
        held("1", A, B, at=0, until=5),
        cancel_seats("1", "held", A, at=2, left=B),
        cancel_seats("1", "expired", B, at=5, left=B),
    ),
    "a hold of which one hears when it has ended": history(
        replace(held("1", A, B, at=0, until=5), status="expired", expires_at=None),
        cancel_seats("1", "expired", A, at=6, left=B),
    ),
    "a key used twice": history(
        booked("1", A, at=0, key="k"), booked("1", A, at=2, key="k", is_replay=True)
    ),
    "the first still running": history(
        booked("1", A, at=0, key="k"),
        refused("request-in-progress", at=0.5, user="guest of 1", key="k"),
    ),
    "another request under a key": history(
        booked("1", A, at=0, key="k"),
        refused("idempotency-mismatch", 2, at=5, user="guest of 1", key="k"),
    ),
    "at the limit": history(
        booked("1", A, B, at=0), refused("seat-limit-reached", at=5, user="guest of 1"), limit=2
    ),
    "a booking whose answer was lost": history(
        UNANSWERED, Row("1", "guest", "confirmed", frozenset({A}), frozenset({A}))
    ),
    "sold out to somebody whose answer was lost": history(
        UNANSWERED, Row("1", "guest", "confirmed", frozenset({A}), frozenset({A})),
        booked("2", B, C, at=0), refused("sold-out", at=5, available=0),
    ),
}  # fmt: skip

LIES: dict[str, list[History]] = {
    "sold twice": [
        history(booked("1", A, at=0), booked("2", A, at=5)),
        history(held("1", A, at=0, until=9), booked("2", A, at=5)),
        history(booked("1", A, at=0), booked("2", A, at=2), change("1", "cancel", "cancelled", at=4)),
        history(
            booked("1", A, B, at=0), cancel_seats("1", "confirmed", A, at=2), booked("2", B, at=4)
        ),
        history(
            booked("1", A, B, at=0), booked("2", A, at=2), cancel_seats("1", "confirmed", A, at=4)
        ),
        history(
            held("1", A, at=0, until=5), change("1", "confirm", "confirmed", at=2), booked("2", A, at=7)
        ),
    ],
    "a cancelled seat that stays": [
        history(booked("1", A, B, at=0), cancel_seats("1", "confirmed", A, at=2, left=A))
    ],
    "other seats cancelled than was told": [
        history(
            booked("1", A, B, at=0),
            row(booked("1", B, at=0, user="guest of 1"), cancelled=frozenset({A})),
        ),
        history(
            booked("1", A, B, at=0),
            cancel_seats("1", "confirmed", A, at=2),
            row(booked("1", A, B, at=0)),
        ),
    ],
    "false cancelled": [
        history(booked("1", A, B, at=0), cancel_seats("1", "cancelled", A, at=2, left=B))
    ],
    "false held": [history(booked("1", A, B, at=0), cancel_seats("1", "held", A, at=2))],
    "false expired": [
        history(held("1", A, B, at=0, until=9), cancel_seats("1", "expired", A, at=2))
    ],
    "wrong seats": [
        history(replace(booked("1", A, at=0), wanted=2)),
        history(booked("1", A, at=0, chosen=frozenset({B}))),
        history(booked("1", "of another event", at=0)),
    ],
    "false sold-out": [
        history(refused("sold-out", at=5, available=0)),
        history(SOLD[0], refused("sold-out", at=5, available=0)),
        history(*SOLD, refused("sold-out", 2, at=5, available=2)),
        history(held("1", A, B, C, at=0, until=4), refused("sold-out", at=5, available=0)),
        history(*SOLD, change("2", "cancel", "cancelled", at=2), refused("sold-out", at=5, available=0)),
        history(booked("1", A, B, C, at=9), refused("sold-out", at=5, available=0)),
    ],
    "false seats-unavailable": [
        history(
            SOLD[1], refused("seats-unavailable", at=5, chosen=frozenset({A}), named=frozenset({A}))
        ),
        history(
            SOLD[1], refused("seats-unavailable", at=5, chosen=frozenset({C}), named=frozenset())
        ),
        history(
            SOLD[1], refused("seats-unavailable", at=5, chosen=frozenset({A}), named=frozenset({C}))
        ),
    ],
    "false seat-limit-reached": [
        history(booked("1", A, at=0), refused("seat-limit-reached", at=5, user="guest of 1"), limit=2),
        history(
            held("1", A, at=0, until=3), refused("seat-limit-reached", at=5, user="guest of 1"), limit=1
        ),
    ],
    "false request-in-progress": [
        history(refused("request-in-progress", at=5, key="k")),
        history(
            booked("1", A, at=0, key="k"),
            refused("request-in-progress", at=5, user="guest of 1", key="k"),
        ),
    ],
    "false idempotency-mismatch": [
        history(
            booked("1", A, at=0, key="k"),
            refused("idempotency-mismatch", at=5, user="guest of 1", key="k"),
        )
    ],
    "unexpected answer": [history(refused("internal-error", at=5))],
    "over the limit": [
        history(booked("1", A, at=0, user="x"), booked("2", B, at=0, user="x"), limit=1)
    ],
    "a key with two bookings": [
        history(
            booked("1", A, at=0, user="x", key="k"),
            booked("2", B, at=5, user="x", key="k", is_replay=True),
        )
    ],
    "a key with two answers": [
        history(
            booked("1", A, at=0, user="x", key="k"),
            booked("1", B, at=5, user="x", key="k", is_replay=True),
        )
    ],
    "done twice": [
        history(booked("1", A, at=0, user="x", key="k"), booked("1", A, at=5, user="x", key="k"))
    ],
    "a replay of nothing": [history(booked("1", A, at=0, key="k", is_replay=True))],
    "one booking for two requests": [
        history(booked("1", A, at=0, user="x"), booked("1", A, at=5, user="x"))
    ],
    "false confirmed": [
        history(held("1", A, at=0, until=3), change("1", "confirm", "confirmed", at=4)),
        history(
            booked("1", A, at=0),
            change("1", "cancel", "cancelled", at=2),
            change("1", "confirm", "confirmed", at=5),
        ),
    ],
    "false hold-expired": [
        history(held("1", A, at=0, until=9), change("1", "confirm", "hold-expired", at=4))
    ],
    "false booking-ended": [history(booked("1", A, at=0), change("1", "confirm", "booking-ended", at=4))],
    "a booking that is not there": [replace(history(SOLD[0]), rows=[])],
    "another booking than was told": [history(SOLD[0], row(SOLD[0], seats=frozenset({B, C})))],
    "another end than was told": [
        history(SOLD[0], row(SOLD[0], "cancelled")),
        history(SOLD[0], change("1", "cancel", "cancelled", at=3), row(SOLD[0])),
    ],
    "a booking that nobody asked for": [
        history(row(SOLD[0])),
        history(UNANSWERED, row(SOLD[0], user="guest")),
        history(UNANSWERED, *(row(SOLD[1], id=name, user="guest") for name in "12")),
    ],
    "a booking without its seats": [history(SOLD[0], row(SOLD[0], holds=frozenset({A})))],
    "seats of a booking that has ended": [
        history(
            SOLD[0], change("1", "cancel", "cancelled", at=3),
            row(SOLD[0], "cancelled", holds=frozenset({A})),
        )
    ],
    "a wrong count": [replace(history(*SOLD), held=0, booked=2)],
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
def test_what_may_be_true_is_no_lie(name: str) -> None:
    assert [str(violation) for violation in find_violations(TRUE[name])] == []


@pytest.mark.parametrize("kind", LIES)
def test_a_lie_is_found(kind: str) -> None:
    for told in LIES[kind]:
        assert kind in {violation.kind for violation in find_violations(told)}, told
