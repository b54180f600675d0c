"""Reading the audit trail."""

from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.models import AuditEvent
from service_kit.web.paging import Paging


async def list_events(
    session: AsyncSession, user_id: UUID, paging: Paging
) -> tuple[list[AuditEvent], str | None]:
    """Newest first."""
    statement = (
        select(AuditEvent)
        .where(AuditEvent.user_id == user_id)
        .order_by(col(AuditEvent.id).desc())
        .limit(paging.limit + 1)
    )
    after = paging.after(UUID)
    if after is not None:
        statement = statement.where(col(AuditEvent.id) < after[0])
    found = await session.exec(statement)
    return paging.page(found.all(), lambda event: (event.id,))
