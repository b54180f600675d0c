"""Tables of the mechanisms: cache, erasure of accounts, outbox."""

from typing import ClassVar
from uuid import UUID

from sqlmodel import Field

from event_service.models.base import Base
from service_kit.ids import new_id
from service_kit.messaging.outbox import OutboxRow, outbox_indexes
from service_kit.web.erasures import ErasedUserRow


class StaleTag(Base, table=True):
    """A cache tag that a committed change has made stale; deleted once Redis has its new version."""

    __tablename__: ClassVar[str] = "stale_tag"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tag: str


class ErasedUser(ErasedUserRow, Base, table=True):
    """An erased account, stored for as long as one of its tokens may be valid."""

    # Only the previous release uses ``erased_users``, a view of this table; the next one drops it.


class OutboxMessage(OutboxRow, Base, table=True):
    __table_args__ = outbox_indexes()
