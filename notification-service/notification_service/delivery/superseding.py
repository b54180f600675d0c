"""Which mail takes the place of which, should both be waiting: the later truth is told alone."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, and_, false, or_, select, tuple_

from notification_service.models import Notification

notifications: Table = Notification.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Rule:
    """A mail is overtaken by one of ``by_booking`` about its booking, one of ``by_event`` about its
    event, or a newer one of its own kind about the same event (or, without one, account)."""

    by_booking: tuple[str, ...] = ()
    by_event: tuple[str, ...] = ()
    by_newer: bool = False


RULES: dict[str, Rule] = {
    "booking-confirmed": Rule(by_booking=("booking-cancelled",), by_event=("event-cancelled",)),
    "event-reminder": Rule(by_booking=("booking-cancelled",), by_event=("event-cancelled",)),
    "waitlist-offer": Rule(
        by_booking=("booking-confirmed", "booking-cancelled", "hold-expired"),
        by_event=("event-cancelled",),
    ),
    "hold-expired": Rule(by_event=("event-cancelled",)),
    "event-changed": Rule(by_event=("event-cancelled",), by_newer=True),
    "verify-email": Rule(by_newer=True),
    "reset-password": Rule(by_newer=True),
}


def is_superseded(kind: str) -> ColumnElement[bool]:
    """A condition on ``notifications``, for rows of this kind."""
    rule = RULES.get(kind)
    if rule is None:
        return false()
    row, later = notifications.c, notifications.alias("later")
    same_event = later.c.event_id.is_not_distinct_from(row.event_id)
    # An account may have a present and a future address to confirm.
    same_address = later.c.data["address"].is_not_distinct_from(row.data["address"])
    about: list[ColumnElement[bool]] = []
    if rule.by_booking:
        about.append(
            _exists(
                later,
                later.c.booking_id == row.booking_id,
                later.c.user_id == row.user_id,
                later.c.kind.in_(rule.by_booking),
            )
        )
    if rule.by_event:
        about.append(
            _exists(
                later,
                later.c.user_id == row.user_id,
                later.c.event_id == row.event_id,
                later.c.kind.in_(rule.by_event),
            )
        )
    if rule.by_newer:
        is_newer = tuple_(later.c.occurred_at, later.c.id) > tuple_(row.occurred_at, row.id)
        about.append(
            _exists(
                later,
                later.c.user_id == row.user_id,
                later.c.kind == row.kind,
                same_event,
                same_address,
                is_newer,
            )
        )
    return or_(*about)


def _exists(later: "Table | object", *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(1).where(and_(*conditions)).correlate(notifications).exists()
