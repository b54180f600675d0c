"""What notification-service is asked to do. No message holds an address, a name or a token."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from auth_service.models import OutboxMessage
from service_kit.clock import utc_now
from service_kit.ids import new_id
from service_kit.messaging.outbox import OutboxRow, notification

Address = Literal["current", "pending"]


def verification_mail(
    user_id: UUID, *, topic: str, address: Address = "current", version: int = 1, now: datetime
) -> OutboxRow:
    """Asks the owner of the address, or of the one that it is to become, to confirm it."""
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
        topic="user.password-reset-requested.v1",
        kind="reset-password",
        user_id=user_id,
        dedup_key=f"reset-password:{user_id}:{now.timestamp():.3f}",
        data={},
        version=version,
    )


def email_change_notice(user_id: UUID, *, version: int = 1, now: datetime) -> OutboxRow:
    """Tells the owner of the present address that somebody asked for another."""
    return notification(
        OutboxMessage,
        topic="user.email-change-requested.v1",
        kind="email-change-notice",
        user_id=user_id,
        dedup_key=f"email-change-notice:{user_id}:{now.timestamp():.3f}",
        data={},
        version=version,
    )


def password_changed(user_id: UUID, *, version: int) -> OutboxRow:
    """Tells the owner of the address, should it have been somebody else."""
    return notification(
        OutboxMessage,
        topic="user.password-changed.v1",
        kind="password-changed",
        user_id=user_id,
        dedup_key=f"password-changed:{user_id}:{version}",
        data={},
        version=version,
    )


def address_confirmed(user_id: UUID) -> OutboxRow:
    """What waited for it may go out now."""
    return _word("notifications.address_confirmed", "user.address-confirmed.v1", user_id)


def erasure(user_id: UUID) -> OutboxRow:
    """Tells the others to forget what they know of a person."""
    return _word("notifications.erase_user", "user.erased.v1", user_id)


def _word(task: str, topic: str, user_id: UUID) -> OutboxRow:
    """A message that no mail comes of."""
    message_id, now = new_id(), utc_now()
    return OutboxMessage(
        id=message_id,
        task=task,
        topic=topic,
        message={
            "id": str(message_id),
            "topic": topic,
            "user_id": str(user_id),
            "occurred_at": now.isoformat(),
        },
        created_at=now,
        next_attempt_at=now,
    )
