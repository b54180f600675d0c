"""The tables of auth-service."""

from auth_service.db import Base
from service_kit.outbox import OutboxRow, outbox_indexes


class OutboxMessage(OutboxRow, Base, table=True):
    __table_args__ = outbox_indexes()
