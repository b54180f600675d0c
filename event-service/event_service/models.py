"""The tables of event-service."""

from event_service.db import Base
from service_kit.outbox import OutboxRow, outbox_indexes


class OutboxMessage(OutboxRow, Base, table=True):
    __table_args__ = outbox_indexes()
