"""Mails that could not be sent, for superusers: what failed and why, and another attempt."""

from uuid import UUID

import structlog
from sqlalchemy import select
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service.messages.schemas import FailurePublic
from notification_service.messages.service import queue_again
from notification_service.models import Notification, notifications
from notification_service.problems import NotResendable
from notification_service.statuses import MailStatus
from service_kit.problems import NotFound
from service_kit.web.paging import Page, Paging

log = structlog.get_logger()

rows = notifications.c
IS_FAILED = rows.status == MailStatus.FAILED


async def list_failures(session: AsyncSession, paging: Paging) -> Page[FailurePublic]:
    """Failed mails of everybody, the newest request first."""
    statement = select(Notification).where(IS_FAILED)
    after = paging.after(UUID)
    if after is not None:
        statement = statement.where(rows.id < after[0])
    result = await session.execute(statement.order_by(rows.id.desc()).limit(paging.limit + 1))
    items, next_cursor = paging.page(result.scalars().all(), lambda row: (row.id,))
    shown = [FailurePublic.of(item) for item in items]
    return Page[FailurePublic](items=shown, next_cursor=next_cursor)


async def retry_failure(session: AsyncSession, notification_id: UUID, *, by: UUID) -> Notification:
    """Queues a failed mail again; one that was queued or sent since stays as it is, so that it is safe to
    repeat. Raises NotFound, and NotResendable for a message without a recipient."""
    statement = select(Notification).where(rows.id == notification_id).with_for_update()
    notification: Notification | None = (await session.execute(statement)).scalar_one_or_none()
    if notification is None:
        raise NotFound
    if notification.status == MailStatus.FAILED:
        if notification.user_id is None:
            raise NotResendable("Its message named nobody; its sender must send it anew.")
        await queue_again(
            session, rows.id == notification_id, note="Set going again by the operators."
        )
        log.info(
            "notification.retried_by_superuser", notification_id=str(notification_id), by=str(by)
        )
        await session.refresh(notification)
    return notification
