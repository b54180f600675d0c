"""The tables of auth-service. Rows are locked in this order: account, session, refresh token."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm.attributes import get_history
from sqlmodel import Field, SQLModel

from auth_service.addresses import ascii_address
from service_kit.clock import utc_now
from service_kit.database.tables import new_registry
from service_kit.ids import new_id
from service_kit.messaging.outbox import OutboxRow, outbox_indexes

LOCALES = ("en", "ru")


class Base(SQLModel, registry=new_registry()):
    """The base of this service's tables."""


class OutboxMessage(OutboxRow, Base, table=True):
    __table_args__ = outbox_indexes()


class User(Base, table=True):
    """What fastapi-users needs, and what Parterre adds. An erased account has no row."""

    __tablename__: ClassVar[Any] = "account"
    __table_args__ = (
        CheckConstraint(f"locale IN {LOCALES}", name="locale"),
        # sign-in; of several registrations of one address at once, only one succeeds
        Index("uq_account_email_ascii", "email_ascii", unique=True),
        Index("uq_account_email", text("lower(email)"), unique=True),
        # maintenance
        Index("ix_account_email_unread", "id", postgresql_where=text("email_ascii IS NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    email: str = Field(max_length=320)
    # ``email`` with its domain in ASCII (IDNA), written with every change of ``email``: two spellings of
    # an address are one account. A trigger clears it when the release before writes an address without
    # it; maintenance fills it in.
    email_ascii: str | None = Field(default=None, max_length=320)
    hashed_password: str
    # Incremented by every change that makes older links void; see identity/credentials.py.
    credentials_version: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = False
    pending_email: str | None = Field(default=None, max_length=320)
    full_name: str = ""
    locale: str = "en"
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
    # When the latest mail of each kind was requested.
    verification_mail_at: datetime | None = None
    reset_mail_at: datetime | None = None


@event.listens_for(User, "before_insert")
@event.listens_for(User, "before_update")
def _write_ascii_form(mapper: Any, connection: Any, user: User) -> None:
    if get_history(user, "email").has_changes():
        user.email_ascii = ascii_address(user.email)


class Erasure(Base, table=True):
    """``service`` has to be notified of an erased account until it has confirmed that twice: the second
    notification undoes what a token of the account did there after the first."""

    __tablename__: ClassVar[Any] = "erasure"
    # the notifier's claim
    __table_args__ = (Index("ix_erasure_due", "next_attempt_at"),)

    user_id: UUID = Field(primary_key=True)
    service: str = Field(primary_key=True, max_length=50)
    erased_at: datetime = Field(default_factory=utc_now)
    next_attempt_at: datetime = Field(default_factory=utc_now)
    confirmed_at: datetime | None = None


class UserSession(Base, table=True):
    """One sign-in on one device: the family of its refresh tokens, or a browser's cookie."""

    __tablename__: ClassVar[Any] = "user_session"
    __table_args__ = (
        CheckConstraint("kind IN ('token', 'browser')", name="kind"),
        # GET /users/me/sessions, and all of an account at once
        Index("ix_user_session_account", "user_id", "id"),
        # the purge
        Index("ix_user_session_expires", "expires_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    user_id: UUID = Field(foreign_key="account.id", ondelete="CASCADE")
    kind: str
    created_at: datetime = Field(default_factory=utc_now)
    last_used_at: datetime = Field(default_factory=utc_now)
    # The absolute end; ``idle_at`` is the end if it is not used before.
    expires_at: datetime
    idle_at: datetime
    revoked_at: datetime | None = None
    address: str = ""
    user_agent: str = ""


class RefreshToken(Base, table=True):
    """A used token stays as long as its session, so that a second use is recognised."""

    __tablename__: ClassVar[Any] = "refresh_token"
    # the cascade from its session
    __table_args__ = (Index("ix_refresh_token_session", "session_id"),)

    # SHA-256: nobody can guess 256 random bits, so a slow hash would add nothing.
    token_hash: bytes = Field(primary_key=True)
    session_id: UUID = Field(foreign_key="user_session.id", ondelete="CASCADE")
    created_at: datetime = Field(default_factory=utc_now)
    used_at: datetime | None = None


class AttemptCount(Base, table=True):
    """Number of attempts within a window. ``key`` is an HMAC of the account or address, so that the
    table does not reveal which addresses were tried."""

    __tablename__: ClassVar[Any] = "attempt_count"
    # the purge
    __table_args__ = (Index("ix_attempt_count_ends", "ends_at"),)

    key: bytes = Field(primary_key=True)
    attempts: int
    ends_at: datetime


class MailRequest(Base, table=True):
    """A requested mail to an address, with or without an account. The relay looks that up and not the
    request, so that the response takes the same time for every address."""

    __tablename__: ClassVar[Any] = "mail_request"
    __table_args__ = (
        CheckConstraint("kind IN ('verify-email', 'reset-password')", name="kind"),
        # the relay's claim
        Index("ix_mail_request_requested", "requested_at"),
    )

    email: str = Field(primary_key=True, max_length=320)
    kind: str = Field(primary_key=True)
    requested_at: datetime = Field(default_factory=utc_now)
    # The column has an older name, which the release before reads.
    client_info: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column("visitor", JSONB, nullable=False)
    )


class SigningKey(Base, table=True):
    """An Ed25519 key pair. Its state follows from ``signs_from`` of all keys; see keys/states.py."""

    __tablename__: ClassVar[Any] = "signing_key"

    # RFC 7638 thumbprint of the public key
    kid: str = Field(primary_key=True)
    # base64url, as in the key document
    public_key: str
    # Fernet, keyed from SECRET_KEY
    private_key: bytes
    created_at: datetime = Field(default_factory=utc_now)
    signs_from: datetime


class ServiceClient(Base, table=True):
    """Another service. Two secrets are valid at once, so that a secret can be changed without downtime."""

    __tablename__: ClassVar[Any] = "service_client"

    id: str = Field(primary_key=True, max_length=50)
    scope: str
    # SHA-256: secrets have 256 random bits, as with RefreshToken.
    secret_hash: bytes
    older_secret_hash: bytes | None = None
    created_at: datetime = Field(default_factory=utc_now)
    secret_changed_at: datetime = Field(default_factory=utc_now)


class AuditEvent(Base, table=True):
    """Who did what to an account. It outlives the account, but without address and user agent."""

    __tablename__: ClassVar[Any] = "audit_event"
    __table_args__ = (
        # GET /users/{id}/audit-events
        Index("ix_audit_event_account", "user_id", "id"),
        # the purge
        Index("ix_audit_event_occurred", "occurred_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    occurred_at: datetime = Field(default_factory=utc_now)
    action: str = Field(max_length=50)
    user_id: UUID | None = None
    # Set when it was not the user: an administrator's id or a command's name.
    actor: str | None = None
    address: str = ""
    user_agent: str = ""
    request_id: str | None = None
    details: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
