"""The tables of delivery as SQLAlchemy Core has them."""

from sqlalchemy import Table, literal_column

from notification_service.kinds.registry import KINDS
from notification_service.models import (
    DUE_AT,
    EventSnapshot,
    MailAllowance,
    Notification,
    SeenMessage,
)


def _table(model: type) -> Table:
    table = getattr(model, "__table__", None)
    assert isinstance(table, Table), "a model with table=True"
    return table


notifications = _table(Notification)
rows = notifications.c
seen_messages = _table(SeenMessage)
snapshots = _table(EventSnapshot)
allowances = _table(MailAllowance)

due_at = literal_column(DUE_AT, rows.next_attempt_at.type)
is_change = rows.kind.in_([kind for kind, model in KINDS.items() if model.tells_changes])
