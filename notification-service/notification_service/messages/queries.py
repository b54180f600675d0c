"""What is asked of the kept messages. Each function is one statement."""

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
    """Newest first: the ids are made in the order of time."""
    wanted = select(Notification).where(rows.user_id == user_id)
    if query.status is not None:
        wanted = wanted.where(rows.status == query.status)
    if query.booking_id is not None:
        about_several = rows.data["booking_ids"].has_key(str(query.booking_id))
        wanted = wanted.where(or_(rows.booking_id == query.booking_id, about_several))
    after = paging.after(UUID)
    if after is not None:
        wanted = wanted.where(rows.id < after[0])
    found = await session.execute(wanted.order_by(rows.id.desc()).limit(paging.limit + 1))
    items, next_cursor = paging.page(found.scalars().all(), lambda row: (row.id,))
    shown = [NotificationPublic.model_validate(item) for item in items]
    return Page[NotificationPublic](items=shown, next_cursor=next_cursor)


async def get_own(
    session: AsyncSession, notification_id: UUID, user_id: UUID | None, *, for_update: bool = False
) -> Notification:
    wanted = select(Notification).where(rows.id == notification_id, rows.user_id == user_id)
    if for_update:
        wanted = wanted.with_for_update()
    found = await session.execute(wanted)
    notification: Notification | None = found.scalar_one_or_none()
    if notification is None:
        raise NotFound
    return notification


async def list_missing(session: AsyncSession, ids: Sequence[UUID]) -> list[UUID]:
    """Those of ``ids`` that never came here."""
    wanted = func.unnest(bindparam("ids", list(ids), ARRAY(Uuid)))
    asked = wanted.table_valued(column("id", Uuid), name="asked").render_derived()
    found = await session.execute(
        select(asked.c.id).where(
            ~select(rows.id).where(rows.id == asked.c.id).exists(),
            ~select(seen.id).where(seen.id == asked.c.id).exists(),
        )
    )
    return list(found.scalars())
