"""What cannot be true of a history: each finding is a violation, whatever happened between two times."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

from tests.events.history import (
    BOOKED,
    LIVE,
    UNKNOWN,
    Attempt,
    Change,
    History,
    Row,
    Tenure,
    moments,
)

# Answers that promise nothing but that nothing was done.
HONEST = frozenset({UNKNOWN, "unavailable"})


@dataclass(frozen=True)
class Violation:
    kind: str
    about: object

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}"


def find_violations(history: History) -> list[Violation]:
    """Empty for a service that sells each seat once, and tells the truth about it."""
    return [violation for check in CHECKS for violation in check(history)]


def sold_twice(history: History) -> Iterator[Violation]:
    by_seat: dict[str, list[Tenure]] = defaultdict(list)
    for tenure in history.tenures:
        if tenure.certain[0] < tenure.certain[1]:
            for seat in tenure.seats:
                by_seat[seat].append(tenure)
    for seat, tenures in by_seat.items():
        tenures.sort(key=lambda tenure: tenure.certain)
        until, owner = -inf, ""
        for tenure in tenures:
            if tenure.certain[0] < until:
                yield Violation("sold twice", f"seat {seat} to {owner} and {tenure.booking}")
            if tenure.certain[1] > until:
                until, owner = tenure.certain[1], tenure.booking


def wrong_seats(history: History) -> Iterator[Violation]:
    """A booking has as many seats as were asked for, those that were chosen, of this event."""
    for attempt in history.attempts:
        if attempt.outcome == BOOKED and (
            len(attempt.seats) != attempt.wanted
            or attempt.chosen not in (None, attempt.seats)
            or not attempt.seats <= history.seats
        ):
            yield Violation("wrong seats", attempt)


def false_refusals(history: History) -> Iterator[Violation]:
    """A refusal needs a moment at which it may have been true."""
    for attempt in history.attempts:
        judge = _JUDGES.get(attempt.outcome)
        if judge is None:
            if attempt.outcome != BOOKED and attempt.outcome not in HONEST:
                yield Violation("unexpected answer", attempt)
        elif not judge(history, attempt):
            yield Violation(f"false {attempt.outcome}", attempt)


def _was_sold_out(history: History, attempt: Attempt) -> bool:
    near = history.overlapping(attempt.invoked, attempt.completed)
    available = attempt.available
    if available is None or not 0 <= available < attempt.wanted:
        return False
    return any(
        len(history.seats) - len(_owned_at(near, moment)) <= available
        for moment in moments(near, attempt.invoked, attempt.completed)
    )


def _owned_at(tenures: list[Tenure], moment: float) -> set[str]:
    return {seat for tenure in tenures if tenure.may_own_at(moment) for seat in tenure.seats}


def _were_unavailable(history: History, attempt: Attempt) -> bool:
    near = history.overlapping(attempt.invoked, attempt.completed)
    taken = {seat for tenure in near for seat in tenure.seats}
    return bool(attempt.named) and attempt.named <= taken & (attempt.chosen or frozenset())


def _was_at_limit(history: History, attempt: Attempt) -> bool:
    near = history.overlapping(attempt.invoked, attempt.completed)
    own = [tenure for tenure in near if tenure.user == attempt.user]
    return any(
        sum(len(tenure.seats) for tenure in own if tenure.may_own_at(moment)) + attempt.wanted
        > history.max_per_user
        for moment in moments(own, attempt.invoked, attempt.completed)
    )


def _was_under_way(history: History, attempt: Attempt) -> bool:
    return any(
        other is not attempt
        and other.invoked <= attempt.completed
        and attempt.invoked <= (inf if other.outcome == UNKNOWN else other.completed)
        for other in history.by_origin[attempt.origin]
        if attempt.key
    )


def _was_another_request(history: History, attempt: Attempt) -> bool:
    return any(
        other.body != attempt.body
        and other.invoked <= attempt.completed
        and other.outcome in (BOOKED, UNKNOWN)
        for other in history.by_origin[attempt.origin]
        if attempt.key
    )


_JUDGES: dict[str, Callable[[History, Attempt], bool]] = {
    "sold-out": _was_sold_out,
    "seats-unavailable": _were_unavailable,
    "seat-limit-reached": _was_at_limit,
    "request-in-progress": _was_under_way,
    "idempotency-mismatch": _was_another_request,
}


def broken_limits(history: History) -> Iterator[Violation]:
    by_user: dict[str, list[Tenure]] = defaultdict(list)
    for tenure in history.tenures:
        if tenure.certain[0] < tenure.certain[1]:
            by_user[tenure.user].append(tenure)
    for user, tenures in by_user.items():
        for moment in (tenure.certain[0] for tenure in tenures):
            seats = sum(len(t.seats) for t in tenures if t.certain[0] <= moment < t.certain[1])
            if seats > history.max_per_user:
                yield Violation("over the limit", f"{user} has {seats} seats at {moment}")


def broken_keys(history: History) -> Iterator[Violation]:
    """A key makes one booking, which every answer to it shows; without a key each is another."""
    made_by: dict[str, object] = {}
    for origin, attempts in history.by_origin.items():
        told = [attempt for attempt in attempts if attempt.outcome == BOOKED]
        if len({attempt.booking for attempt in told}) > 1:
            yield Violation("a key with two bookings", told)
        if len({(attempt.seats, attempt.body) for attempt in told}) > 1:
            yield Violation("a key with two answers", told)
        if sum(not attempt.is_replay for attempt in told) > 1:
            yield Violation("done twice", told)
        for attempt in told:
            if attempt.is_replay and not any(
                other is not attempt and other.invoked <= attempt.completed for other in attempts
            ):
                yield Violation("a replay of nothing", attempt)
            if made_by.setdefault(attempt.booking, origin) != origin:
                yield Violation("one booking for two requests", attempt)


def false_changes(history: History) -> Iterator[Violation]:
    for change in history.changes:
        told = history.answers.get(change.booking, [])
        expires_at = next((a.expires_at for a in told if a.expires_at is not None), None)
        others = history.changes_of[change.booking]
        cancels = [c for c in others if _may_have_ended(c, told, others)]
        if (
            change.action == "cancel-seats"
            and change.outcome in LIVE
            and change.seats & change.left
        ):
            yield Violation("a cancelled seat that stays", change)
        if change.outcome in HONEST or (change.action, change.outcome) == ("cancel", "cancelled"):
            continue
        # The first answer may have been lost, and the next come when the hold had ended: without its time.
        if expires_at is None and any(a.is_hold and a.status == "expired" for a in told):
            expires_at = min(a.completed for a in told)
        if not _may_be(change, expires_at, cancels, others):
            yield Violation(f"false {change.outcome}", change)


def _may_have_ended(change: Change, told: list[Attempt], others: list[Change]) -> bool:
    """Cancelling seats ends a booking once each of its seats has been named."""
    if change.action != "cancel-seats":
        return change.action == "cancel"
    named = {seat for c in others if c.invoked <= change.completed for seat in c.seats}
    return change.may_have_cancelled and bool(told) and told[0].seats <= named


def _may_be(
    change: Change, expires_at: float | None, cancels: list[Change], others: list[Change]
) -> bool:
    ended = min((c.completed for c in cancels if c.outcome == "cancelled"), default=inf)
    confirmed = any(
        c is not change and c.outcome in ("confirmed", UNKNOWN) and c.action == "confirm"
        for c in others
    )
    has_lapsed = expires_at is not None and change.completed >= expires_at
    match change.action, change.outcome:
        case "confirm", "confirmed":
            in_time = expires_at is None or change.invoked <= expires_at or confirmed
            return in_time and change.invoked <= ended
        case "confirm", "hold-expired":
            return has_lapsed
        case "confirm", "booking-ended":
            return any(c.invoked <= change.completed for c in cancels)
        case "cancel" | "cancel-seats", "expired":
            return has_lapsed
        case "cancel-seats", "cancelled":
            return any(c.invoked <= change.completed for c in cancels)
        case "cancel-seats", "confirmed":
            return (expires_at is None or confirmed) and change.invoked <= ended
        case "cancel-seats", "held":
            return expires_at is not None and change.invoked <= min(expires_at, ended)
    return False


def rows_that_differ(history: History) -> Iterator[Violation]:
    rows = {row.id: row for row in history.rows}
    for booking, told in history.answers.items():
        row = rows.get(booking)
        if row is None:
            yield Violation("a booking that is not there", told)
        elif (row.user, row.seats | row.cancelled) != (told[0].user, told[0].seats):
            yield Violation("another booking than was told", row)
        elif not _may_be_cancelled(history.changes_of[booking], row):
            yield Violation("other seats cancelled than was told", row)
        elif row.status not in _final_statuses(history, booking):
            yield Violation("another end than was told", row)
    for row in history.rows:
        if row.id not in history.answers and row not in history.unannounced:
            yield Violation("a booking that nobody asked for", row)
        if row.status in LIVE and row.holds != row.seats:
            yield Violation("a booking without its seats", row)
        if row.status not in LIVE and row.holds:
            yield Violation("seats of a booking that has ended", row)


def _may_be_cancelled(changes: list[Change], row: Row) -> bool:
    of_seats = [change for change in changes if change.action == "cancel-seats"]
    named = {seat for c in of_seats if c.may_have_cancelled for seat in c.seats}
    done = {seat for c in of_seats if c.outcome in LIVE for seat in c.seats}
    return done <= row.cancelled <= named and not row.cancelled & row.seats


def _final_statuses(history: History, booking: str) -> set[str]:
    told, changes = history.answers[booking], history.changes_of[booking]
    outcomes = {(change.action, change.outcome) for change in changes}
    may_be = set()
    if {("cancel", "cancelled"), ("cancel-seats", "cancelled")} & outcomes:
        return {"cancelled"}
    if any(c.outcome in HONEST and _may_have_ended(c, told, changes) for c in changes):
        may_be.add("cancelled")
    may_be |= {attempt.status for attempt in told if attempt.status not in LIVE}
    if not told[0].is_hold or ("confirm", "confirmed") in outcomes:
        return may_be | {"confirmed"}
    if {("confirm", UNKNOWN), ("confirm", "unavailable")} & outcomes:
        may_be.add("confirmed")
    return may_be | {"expired"}


def counts_that_differ(history: History) -> Iterator[Violation]:
    for status, counted in (("held", history.held), ("confirmed", history.booked)):
        seats = sum(len(row.seats) for row in history.rows if row.status == status)
        if counted is not None and counted != seats:
            yield Violation("a wrong count", f"{counted} seats are shown as {status}, {seats} are")


CHECKS = (
    sold_twice, wrong_seats, false_refusals, broken_limits, broken_keys, false_changes,
    rows_that_differ, counts_that_differ,
)  # fmt: skip
