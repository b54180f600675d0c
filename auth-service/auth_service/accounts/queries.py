from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.accounts.addresses import NotAnAddress, ascii_address, read_address
from auth_service.models import User
from service_kit.paging import Paging
from service_kit.problems import NotFound


async def find_by_email(session: AsyncSession, email: str) -> User | None:
    """By any spelling of the address."""
    found = await session.exec(select(User).where(User.email_ascii == lookup_form(email)))
    return found.one_or_none()


def lookup_form(typed: str) -> str:
    """What is no address is looked up all the same: it takes as long and finds nobody."""
    try:
        return read_address(typed).ascii
    except NotAnAddress:
        return typed.strip().lower()


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
    session: AsyncSession, paging: Paging, *, email: str | None, q: str | None = None
) -> tuple[list[User], str | None]:
    """Newest first; ``q`` is a part of an address or of a name, in any case."""
    statement = select(User).order_by(col(User.id).desc()).limit(paging.limit + 1)
    if email is not None:
        statement = statement.where(User.email_ascii == lookup_form(email))
    if q:
        part = q.lower()
        statement = statement.where(
            or_(
                func.lower(User.email).contains(part, autoescape=True),
                col(User.email_ascii).contains(ascii_address(part), autoescape=True),
                func.lower(User.full_name).contains(part, autoescape=True),
            )
        )
    after = paging.after(UUID)
    if after is not None:
        statement = statement.where(col(User.id) < after[0])
    found = await session.exec(statement)
    return paging.page(found.all(), lambda user: (user.id,))
