"""Reading and locking sessions."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.models import RefreshToken, UserSession
from service_kit.web.paging import Paging


async def find_refresh_token(session: AsyncSession, token_hash: bytes) -> RefreshToken | None:
    return await session.get(RefreshToken, token_hash)


async def lock_session(session: AsyncSession, session_id: UUID) -> UserSession | None:
    found = await session.exec(
        select(UserSession)
        .where(UserSession.id == session_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def list_live_sessions(
    session: AsyncSession, user_id: UUID, paging: Paging, *, now: datetime
) -> tuple[list[UserSession], str | None]:
    """Newest first."""
    statement = (
        select(UserSession)
        .where(
            UserSession.user_id == user_id,
            col(UserSession.revoked_at).is_(None),
            UserSession.expires_at > now,
            UserSession.idle_at > now,
        )
        .order_by(col(UserSession.id).desc())
        .limit(paging.limit + 1)
    )
    after = paging.after(UUID)
    if after is not None:
        statement = statement.where(col(UserSession.id) < after[0])
    found = await session.exec(statement)
    return paging.page(found.all(), lambda row: (row.id,))
