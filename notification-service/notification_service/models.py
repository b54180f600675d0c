"""The tables of notification-service."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from service_kit.database.tables import new_registry, table_of
from service_kit.web.erasures import ErasedUserRow

UNSENT = "status IN ('queued', 'sending')"
# Not counting mails that wait on purpose.
OVERDUE = f"{UNSENT} AND waits_for IS NULL"
# Mails for the sweep. Those that wait for a confirmed address are looked up by user instead.
SWEPT = f"{UNSENT} AND waits_for IS DISTINCT FROM 'address'"
AWAITS_ADDRESS = "waits_for = 'address'"
DUE_AT = "GREATEST(next_attempt_at, lease_until)"


class Base(SQLModel, registry=new_registry()):
    """The base of this service's tables."""


class Notification(Base, table=True):
    """One mail and its state. Its recipient's address and name are not stored.

    ``id``: the id of the message that requested the mail. ``data``: the message's data, from which the
    text is made. ``wanted_at``: the latest request; ``next_attempt_at``: the earliest next attempt.
    ``lease_until``: end of the exclusive claim of a worker (``sending``; it incremented ``fence``) or
    of the queue (``queued``). ``crashes``: leases that ended without an outcome. ``version``: the
    event's or account's; 0 if the message had none. ``waits_for``: why the mail waits on purpose.
    ``told_at``: when the mail server last accepted the mail, or may have; unlike ``sent_at`` it
    outlives a resend. ``told``: the event as a mail about a change described it then.
    """

    __tablename__ = "notification"
    __table_args__ = (
        CheckConstraint(
            "status IN ('queued', 'sending', 'sent', 'failed', 'dropped')", name="known_status"
        ),
        CheckConstraint("(status = 'sent') = (sent_at IS NOT NULL)", name="sent_has_its_time"),
        CheckConstraint("status <> 'sending' OR lease_until IS NOT NULL", name="sending_is_leased"),
        CheckConstraint("status <> 'failed' OR last_error IS NOT NULL", name="failed_says_why"),
        CheckConstraint("user_id IS NOT NULL OR status = 'failed'", name="sent_to_somebody"),
        CheckConstraint(
            "attempts >= 0 AND crashes >= 0 AND resends >= 0 AND fence >= 0", name="counts"
        ),
        CheckConstraint(
            "waits_for IN ('address', 'allowance', 'confirmation')", name="known_reason_to_wait"
        ),
        # one mail per key, however many messages ask for it
        UniqueConstraint("dedup_key"),
        # GET /notifications, also with ?status=; erasure
        Index("ix_notification_user", "user_id", "id"),
        Index("ix_notification_user_status", "user_id", "status", "id"),
        # GET /notifications?booking_id=; what a later message about the booking supersedes
        Index(
            "ix_notification_booking",
            "booking_id",
            "kind",
            postgresql_where=text("booking_id IS NOT NULL"),
        ),
        # what a later message about the event or the account supersedes; what goes before
        Index("ix_notification_user_event", "user_id", "event_id", "kind"),
        # sweep: what is due, from both ends
        Index("ix_notification_swept", text(DUE_AT), postgresql_where=text(SWEPT)),
        # whose address may have been confirmed meanwhile
        Index(
            "ix_notification_awaits_address",
            "next_attempt_at",
            postgresql_where=text(AWAITS_ADDRESS),
        ),
        # gauges: how many wait
        Index(
            "ix_notification_waiting", "waits_for", postgresql_where=text("waits_for IS NOT NULL")
        ),
        # alert, gauges and cli: unsent mails, oldest first, and failed ones
        Index("ix_notification_overdue", "wanted_at", postgresql_where=text(OVERDUE)),
        Index("ix_notification_failed", "id", postgresql_where=text("status = 'failed'")),
        # Used by workers of the release before during a rolling deployment; the next release drops them.
        Index("ix_notification_user_kind", "user_id", "kind", "event_id"),
        Index("ix_notification_due", text(DUE_AT), postgresql_where=text(UNSENT)),
        Index("ix_notification_unsent", "wanted_at", postgresql_where=text(UNSENT)),
        # retention
        Index("ix_notification_created", "created_at", postgresql_using="brin"),
    )

    id: UUID = Field(primary_key=True)
    # None for a malformed message without a user.
    user_id: UUID | None = None
    kind: str = Field(max_length=50)
    dedup_key: str = Field(max_length=300)
    booking_id: UUID | None = None
    event_id: UUID | None = None
    data: dict[str, Any] = Field(sa_type=JSONB)
    request_id: str | None = None
    occurred_at: datetime
    version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})

    status: str
    attempts: int = 0
    crashes: int = 0
    resends: int = 0
    fence: int = 0
    lease_until: datetime | None = None
    next_attempt_at: datetime
    give_up_at: datetime | None = None
    last_error: str | None = None
    waits_for: str | None = None
    timeline: list[dict[str, Any]] = Field(sa_type=JSONB)

    created_at: datetime
    wanted_at: datetime
    sent_at: datetime | None = None
    told_at: datetime | None = None
    told: dict[str, Any] | None = Field(default=None, sa_type=JSONB)


class SeenMessage(Base, table=True):
    """A message without a mail of its own: a repetition, or a request to erase a user."""

    __tablename__ = "seen_message"
    __table_args__ = (Index("ix_seen_message_seen_at", "seen_at"),)

    id: UUID = Field(primary_key=True)
    notification_id: UUID | None = None
    seen_at: datetime


class Preferences(Base, table=True):
    """Which optional mails a user wants. Reminders contain ``unsubscribe_token`` in a link."""

    __tablename__ = "preference"
    __table_args__ = (UniqueConstraint("unsubscribe_token"),)

    user_id: UUID = Field(primary_key=True)
    event_reminders: bool = True
    unsubscribe_token: str
    updated_at: datetime


class EventSnapshot(Base, table=True):
    """The newest version of an event in any message: mails about the event are made from it."""

    __tablename__ = "event_snapshot"
    # retention; and mails that wait although their event is over
    __table_args__ = (Index("ix_event_snapshot_ends_at", "ends_at"),)

    event_id: UUID = Field(primary_key=True)
    version: int
    snapshot: dict[str, Any] = Field(sa_type=JSONB)
    ends_at: datetime


class MailAllowance(Base, table=True):
    """The mails to an address within the last hour. ``key`` is a keyed hash of the address, which is
    not stored; ``granted`` is the number granted to the latest request."""

    __tablename__ = "mail_allowance"
    # retention
    __table_args__ = (Index("ix_mail_allowance_used_at", "used_at"),)

    key: bytes = Field(primary_key=True)
    sent: list[datetime] = Field(sa_type=ARRAY(DateTime(timezone=True)))
    granted: int
    used_at: datetime


class ErasedUser(ErasedUserRow, Base, table=True):
    """An erased account, stored for as long as one of its tokens may be valid."""

    # Only the previous release uses ``erased_users``, a view of this table; the next one drops it.


# Only the previous release uses ``notifications``, ``seen_messages``, ``preferences``,
# ``event_snapshots`` and ``mail_allowances``, views of these tables; the next one drops them.

# The tables as SQLAlchemy Core has them.
notifications = table_of(Notification)
seen_messages = table_of(SeenMessage)
preferences = table_of(Preferences)
event_snapshots = table_of(EventSnapshot)
mail_allowances = table_of(MailAllowance)
