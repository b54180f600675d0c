"""Queries of recorded messages. Each function is one statement."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Uuid, bindparam, column, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service.messages.schemas import NotificationPublic, NotificationQuery
from notification_service.models import Notification, notifications, seen_messages
from service_kit.problems import NotFound
from service_kit.web.paging import Page, Paging

rows = notifications.c
seen = seen_messages.c


async def list_own(
    session: AsyncSession, user_id: UUID | None, query: NotificationQuery, paging: Paging
) -> Page[NotificationPublic]:
    """A user's mails, newest first: ids are ordered by time."""
    statement = select(Notification).where(rows.user_id == user_id)
    if query.status is not None:
        statement = statement.where(rows.status == query.status)
    if query.booking_id is not None:
        about_several = rows.data["booking_ids"].has_key(str(query.booking_id))
        statement = statement.where(or_(rows.booking_id == query.booking_id, about_several))
    after = paging.after(UUID)
    if after is not None:
        statement = statement.where(rows.id < after[0])
    result = await session.execute(statement.order_by(rows.id.desc()).limit(paging.limit + 1))
    items, next_cursor = paging.page(result.scalars().all(), lambda row: (row.id,))
    shown = [NotificationPublic.model_validate(item) for item in items]
    return Page[NotificationPublic](items=shown, next_cursor=next_cursor)


async def get_own(
    session: AsyncSession, notification_id: UUID, user_id: UUID | None, *, for_update: bool = False
) -> Notification:
    statement = select(Notification).where(rows.id == notification_id, rows.user_id == user_id)
    if for_update:
        statement = statement.with_for_update()
    result = await session.execute(statement)
    notification: Notification | None = result.scalar_one_or_none()
    if notification is None:
        raise NotFound
    return notification


async def list_missing(session: AsyncSession, ids: Sequence[UUID]) -> list[UUID]:
    """The ids of messages that have not arrived."""
    values = func.unnest(bindparam("ids", list(ids), ARRAY(Uuid)))
    asked = values.table_valued(column("id", Uuid), name="asked").render_derived()
    result = await session.execute(
        select(asked.c.id).where(
            ~select(rows.id).where(rows.id == asked.c.id).exists(),
            ~select(seen.id).where(seen.id == asked.c.id).exists(),
        )
    )
    return list(result.scalars())
