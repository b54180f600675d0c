"""Which mail a later one replaces while both are waiting: only the later message is told."""

from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select, tuple_

from notification_service.kinds.registry import KINDS
from notification_service.models import notifications


def order_of(table: Any) -> Any:
    """What is later about one event or account: by its version, and where two have the same one (or
    none) by PostgreSQL's time of arrival. Clocks of senders do not come into it."""
    return tuple_(table.c.version, table.c.created_at, table.c.id)


def is_superseded(kind: str) -> ColumnElement[bool]:
    """A condition on ``notifications``, for rows of this kind."""
    rule = KINDS[kind].superseded_by
    row, later = notifications.c, notifications.alias("later")
    same_booking = and_(later.c.booking_id == row.booking_id, later.c.user_id == row.user_id)
    same_event = and_(later.c.user_id == row.user_id, later.c.event_id == row.event_id)
    same_address = and_(
        later.c.user_id == row.user_id,
        later.c.event_id.is_(None),
        later.c.data["address"].is_not_distinct_from(row.data["address"]),
    )
    came_later = order_of(later) > order_of(notifications)
    is_newer = and_(later.c.kind == row.kind, came_later)
    replacements: list[ColumnElement[bool]] = []
    if rule.about_booking:
        replacements.append(_exists(same_booking, later.c.kind.in_(rule.about_booking)))
    if rule.later_about_booking:
        is_later_kind = later.c.kind.in_(rule.later_about_booking)
        replacements.append(_exists(same_booking, is_later_kind, came_later))
    if rule.about_event:
        replacements.append(_exists(same_event, later.c.kind.in_(rule.about_event)))
    if rule.newer_about_booking:
        replacements.append(_exists(same_booking, is_newer))
    if rule.newer_about_event:
        replacements.append(_exists(same_event, is_newer))
    if rule.newer_about_address:
        replacements.append(_exists(same_address, is_newer))
    return or_(*replacements) if replacements else false()


def _exists(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(1).where(and_(*conditions)).correlate(notifications).exists()
