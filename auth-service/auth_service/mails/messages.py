"""Messages to notification-service. None contains an address, a name or a token."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from auth_service.models import OutboxMessage
from service_kit.messaging import notifications
from service_kit.messaging.notifications import notification
from service_kit.messaging.outbox import OutboxRow

Address = Literal["current", "pending"]


def verification_mail(
    user_id: UUID, *, topic: str, address: Address = "current", version: int = 1, now: datetime
) -> OutboxRow:
    """Asks the owner of the current or pending address to verify it."""
    return notification(
        OutboxMessage,
        topic=topic,
        kind="verify-email",
        user_id=user_id,
        dedup_key=f"verify-email:{user_id}:{now.timestamp():.3f}",
        data={"address": "pending"} if address == "pending" else {},
        version=version,
    )


def reset_mail(user_id: UUID, *, version: int = 1, now: datetime) -> OutboxRow:
    return notification(
        OutboxMessage,
        kind="reset-password",
        user_id=user_id,
        dedup_key=f"reset-password:{user_id}:{now.timestamp():.3f}",
        data={},
        version=version,
    )


def email_change_notice(user_id: UUID, *, version: int = 1, now: datetime) -> OutboxRow:
    """Tells the owner of the current address that another was requested."""
    return notification(
        OutboxMessage,
        kind="email-change-notice",
        user_id=user_id,
        dedup_key=f"email-change-notice:{user_id}:{now.timestamp():.3f}",
        data={},
        version=version,
    )


def password_changed(user_id: UUID, *, version: int) -> OutboxRow:
    """Tells the owner of the account, in case somebody else changed it."""
    return notification(
        OutboxMessage,
        kind="password-changed",
        user_id=user_id,
        dedup_key=f"password-changed:{user_id}:{version}",
        data={},
        version=version,
    )


def address_confirmed(user_id: UUID) -> OutboxRow:
    """Mails that waited for the verification of the address can be sent."""
    return notifications.address_confirmed(OutboxMessage, user_id)


def erasure(user_id: UUID) -> OutboxRow:
    """Asks notification-service to erase a user's data."""
    return notifications.erasure(OutboxMessage, user_id)
