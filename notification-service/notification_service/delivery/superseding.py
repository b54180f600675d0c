"""Which mail a later one replaces while both are waiting: only the later message is told.

The rules of the kinds are parameters of the statement in sql/send.sql.
"""

from typing import Any

from notification_service.kinds.registry import KINDS


def rules_of(kind: str) -> dict[str, Any]:
    """The kinds that replace a mail of this kind, whenever they came or only if they came later;
    ``in_order`` is this kind if its mails keep their order."""
    model = KINDS[kind]
    rule = model.superseded_by
    newer_about_booking = (kind,) if rule.newer_about_booking else ()
    return {
        "about_booking": rule.about_booking,
        "later_about_booking": (*rule.later_about_booking, *newer_about_booking),
        "about_event": rule.about_event,
        "later_about_event": (kind,) if rule.newer_about_event else (),
        "later_about_address": (kind,) if rule.newer_about_address else (),
        "in_order": (kind,) if model.keeps_order else (),
    }
