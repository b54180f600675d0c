"""Which mail takes the place of which, should both be waiting: the later truth is told alone."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, false, or_, select, tuple_

from notification_service.models import Notification

notifications: Table = Notification.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Rule:
    """A mail is overtaken by one of ``by_booking`` about its booking, one of ``by_event`` about its
    event, or a newer one of its own kind about the same event (or, without one, account), or about
    the same booking."""

    by_booking: tuple[str, ...] = ()
    by_event: tuple[str, ...] = ()
    by_newer: bool = False
    by_newer_of_booking: bool = False


RULES: dict[str, Rule] = {
    "booking-confirmed": Rule(by_booking=("booking-cancelled",), by_event=("event-cancelled",)),
    "event-reminder": Rule(
        by_booking=("booking-cancelled",), by_event=("event-cancelled",), by_newer_of_booking=True
    ),
    "waitlist-offer": Rule(
        by_booking=("booking-confirmed", "booking-cancelled", "hold-expired"),
        by_event=("event-cancelled",),
    ),
    "hold-expired": Rule(by_event=("event-cancelled",)),
    "event-changed": Rule(by_event=("event-cancelled",), by_newer=True),
    "verify-email": Rule(by_newer=True),
    "reset-password": Rule(by_newer=True),
}
ABOUT_ACCOUNTS = ("verify-email", "reset-password")


def order_of(table: Any) -> Any:
    """What is later about one event or account: by its version, and where two have the same one (or
    none) by PostgreSQL's time of arrival. Clocks of senders do not come into it."""
    return tuple_(table.c.version, table.c.created_at, table.c.id)


def is_superseded(kind: str) -> ColumnElement[bool]:
    """A condition on ``notifications``, for rows of this kind."""
    rule = RULES.get(kind)
    if rule is None:
        return false()
    row, later = notifications.c, notifications.alias("later")
    same_booking = and_(later.c.booking_id == row.booking_id, later.c.user_id == row.user_id)
    same_event = and_(later.c.user_id == row.user_id, later.c.event_id == row.event_id)
    is_newer = and_(later.c.kind == row.kind, order_of(later) > order_of(notifications))
    about: list[ColumnElement[bool]] = []
    if rule.by_booking:
        about.append(_exists(same_booking, later.c.kind.in_(rule.by_booking)))
    if rule.by_event:
        about.append(_exists(same_event, later.c.kind.in_(rule.by_event)))
    if rule.by_newer_of_booking:
        about.append(_exists(same_booking, is_newer))
    if rule.by_newer and kind in ABOUT_ACCOUNTS:
        # An account may have a present and a future address to confirm.
        same_address = later.c.data["address"].is_not_distinct_from(row.data["address"])
        same_account = and_(later.c.user_id == row.user_id, later.c.event_id.is_(None))
        about.append(_exists(same_account, same_address, is_newer))
    elif rule.by_newer:
        about.append(_exists(same_event, is_newer))
    return or_(*about)


def _exists(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(1).where(and_(*conditions)).correlate(notifications).exists()
