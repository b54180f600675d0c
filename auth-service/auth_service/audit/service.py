"""The audit trail: each event is written in the transaction of the change that it records."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.client_info import ClientInfo
from auth_service.models import AuditEvent


class Action(StrEnum):
    REGISTERED = "account.registered"
    ERASED = "account.erased"
    CHANGED_BY_ADMIN = "account.changed-by-admin"
    ROLE_CHANGED = "account.role-changed"
    SIGNED_IN = "sign-in.succeeded"
    SIGN_IN_FAILED = "sign-in.failed"
    SIGN_IN_LOCKED = "sign-in.locked"
    SIGNED_OUT = "session.ended"
    SIGNED_OUT_ELSEWHERE = "session.others-ended"
    SIGNED_OUT_BY_ADMIN = "session.ended-by-admin"
    REFRESH_REUSED = "session.refresh-reused"
    PASSWORD_CHANGED = "password.changed"
    PASSWORD_RESET_ASKED = "password.reset-asked"
    PASSWORD_RESET = "password.reset"
    EMAIL_CHANGE_ASKED = "email.change-asked"
    EMAIL_CHANGED = "email.changed"
    EMAIL_VERIFIED = "email.verified"


def record(
    session: AsyncSession,
    action: Action,
    *,
    user_id: UUID | None,
    client_info: ClientInfo,
    actor: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """``details`` must not contain a secret or an address: the trail outlives the account."""
    session.add(
        AuditEvent(
            action=action,
            user_id=user_id,
            actor=actor,
            address=client_info.address,
            user_agent=client_info.user_agent,
            request_id=client_info.request_id,
            details=details or {},
        )
    )


async def anonymize(session: AsyncSession, user_id: UUID) -> None:
    """Removes network addresses and user agents from the events of an erased account."""
    # The UPDATE must see the events of this transaction as well.
    await session.flush()
    await session.execute(
        update(AuditEvent)
        .where(col(AuditEvent.user_id) == user_id)
        .values(address="", user_agent="")
    )
