"""The tables of notification-service."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from notification_service.db import Base
from service_kit.web.erasures import ErasedUserRow

UNSENT = "status IN ('queued', 'sending')"
# What should be on its way: not what is held back on purpose.
OVERDUE = f"{UNSENT} AND waits_for IS NULL"
# What the sweep takes; whose address is not confirmed is asked about by person, not by mail.
SWEPT = f"{UNSENT} AND waits_for IS DISTINCT FROM 'address'"
AWAITS_ADDRESS = "waits_for = 'address'"
DUE_AT = "GREATEST(next_attempt_at, lease_until)"


class Notification(Base, table=True):
    """One mail and what became of it. Neither the address nor the name of its reader is kept.

    ``id`` is the id of the message that asked for it. ``data`` is the message's snapshot for the
    text. ``wanted_at`` is when it was asked for last, ``next_attempt_at`` when it may be tried.
    ``lease_until`` is until when a row belongs to somebody: ``sending`` to the worker that counted
    ``fence`` up, ``queued`` to the queue. ``crashes`` counts leases that ran out. ``version`` is that
    of the event or account; 0 for messages of senders that said none. ``waits_for`` says why a mail
    is held back on purpose. ``told_at`` is when the mail server took the mail last, or may have: unlike
    ``sent_at`` it outlives a resend. ``told`` is the event as a mail of a change told it then.
    """

    __tablename__ = "notifications"
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
        # one mail, however often it is asked for
        UniqueConstraint("dedup_key"),
        # GET /notifications, also with ?status=; erasure
        Index("ix_notifications_user", "user_id", "id"),
        Index("ix_notifications_user_status", "user_id", "status", "id"),
        # GET /notifications?booking_id=; what a later message about the booking supersedes
        Index(
            "ix_notifications_booking",
            "booking_id",
            "kind",
            postgresql_where=text("booking_id IS NOT NULL"),
        ),
        # what a later message about the event or the account supersedes; what goes before
        Index("ix_notifications_user_event", "user_id", "event_id", "kind"),
        # sweep: what is due, from both ends
        Index("ix_notifications_swept", text(DUE_AT), postgresql_where=text(SWEPT)),
        # whose address may have been confirmed meanwhile
        Index(
            "ix_notifications_awaits_address",
            "next_attempt_at",
            postgresql_where=text(AWAITS_ADDRESS),
        ),
        # gauges: how many wait
        Index(
            "ix_notifications_waiting", "waits_for", postgresql_where=text("waits_for IS NOT NULL")
        ),
        # alert, gauges and doctor: what should have gone, longest first, and what has failed
        Index("ix_notifications_overdue", "wanted_at", postgresql_where=text(OVERDUE)),
        Index("ix_notifications_failed", "id", postgresql_where=text("status = 'failed'")),
        # Of workers of the release before, which may run beside this one. The next release drops them.
        Index("ix_notifications_user_kind", "user_id", "kind", "event_id"),
        Index("ix_notifications_due", text(DUE_AT), postgresql_where=text(UNSENT)),
        Index("ix_notifications_unsent", "wanted_at", postgresql_where=text(UNSENT)),
        # tidy: what is too old to be kept
        Index("ix_notifications_created", "created_at", postgresql_using="brin"),
    )

    id: UUID = Field(primary_key=True)
    # Nothing is known of whom a malformed message was for.
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
    """A message that made no mail of its own: it said again what was said, or asked to erase."""

    __tablename__ = "seen_messages"
    __table_args__ = (Index("ix_seen_messages_seen_at", "seen_at"),)

    id: UUID = Field(primary_key=True)
    notification_id: UUID | None = None
    seen_at: datetime


class Preferences(Base, table=True):
    """What a person wants to be told. ``unsubscribe_token`` stands in the reminders' mails."""

    __tablename__ = "preferences"
    __table_args__ = (UniqueConstraint("unsubscribe_token"),)

    user_id: UUID = Field(primary_key=True)
    event_reminders: bool = True
    unsubscribe_token: str
    updated_at: datetime


class EventSnapshot(Base, table=True):
    """The newest version of an event that any message told of: what its mails are written from."""

    __tablename__ = "event_snapshots"
    # tidy; and what waits for mails of events that are over
    __table_args__ = (Index("ix_event_snapshots_ends_at", "ends_at"),)

    event_id: UUID = Field(primary_key=True)
    version: int
    snapshot: dict[str, Any] = Field(sa_type=JSONB)
    ends_at: datetime


class MailAllowance(Base, table=True):
    """The mails that went to an address within the last hour. ``key`` is a keyed hash of the
    address, which is kept nowhere; ``granted`` is how many the latest asker got."""

    __tablename__ = "mail_allowances"
    # tidy
    __table_args__ = (Index("ix_mail_allowances_used_at", "used_at"),)

    key: bytes = Field(primary_key=True)
    sent: list[datetime] = Field(sa_type=ARRAY(DateTime(timezone=True)))
    granted: int
    used_at: datetime


class ErasedUser(ErasedUserRow, Base, table=True):
    """An erased account, while a token of it may still be about."""
