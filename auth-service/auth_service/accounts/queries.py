from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.models import User
from service_kit.paging import Paging
from service_kit.problems import NotFound


async def find_by_email(session: AsyncSession, email: str) -> User | None:
    found = await session.exec(select(User).where(func.lower(User.email) == email.lower()))
    return found.one_or_none()


async def get_user(session: AsyncSession, user_id: UUID) -> User:
    user = await session.get(User, user_id)
    if user is None:
        raise NotFound
    return user


async def list_by_ids(session: AsyncSession, ids: list[UUID]) -> list[User]:
    """Those of them that there are."""
    found = await session.exec(select(User).where(col(User.id).in_(ids)))
    return list(found)


async def lock_user(session: AsyncSession, user_id: UUID) -> User | None:
    """The row as it is now, kept from others until the end of the transaction."""
    found = await session.exec(
        select(User)
        .where(User.id == user_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def list_users(
    session: AsyncSession, paging: Paging, *, email: str | None
) -> tuple[list[User], str | None]:
    """Newest first."""
    statement = select(User).order_by(col(User.id).desc()).limit(paging.limit + 1)
    if email is not None:
        statement = statement.where(func.lower(User.email) == email.lower())
    after = paging.after(UUID)
    if after is not None:
        statement = statement.where(col(User.id) < after[0])
    found = await session.exec(statement)
    return paging.page(found.all(), lambda user: (user.id,))
