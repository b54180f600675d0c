"""Columns and conditions that several statements of delivery share."""

from sqlalchemy import literal_column

from notification_service.kinds.registry import KINDS
from notification_service.models import DUE_AT, notifications

rows = notifications.c
due_at = literal_column(DUE_AT, rows.next_attempt_at.type)
# For statements in .sql files and for SQLAlchemy's ``text``.
IS_CHANGE = "kind = ANY('{%s}')" % ",".join(
    kind for kind, model in KINDS.items() if model.tells_changes
)
