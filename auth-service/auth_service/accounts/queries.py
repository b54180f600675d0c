from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.accounts.addresses import NotAnAddress, ascii_address, read_address
from auth_service.models import User
from service_kit.problems import NotFound
from service_kit.web.paging import Paging


async def find_by_email(session: AsyncSession, email: str) -> User | None:
    """By any spelling of the address.

    The release before may have made two accounts of two spellings: then each is found by its own.
    """
    typed = email.strip().lower()
    found = await session.exec(
        select(User)
        .where(is_at(email))
        .order_by(
            (func.lower(User.email) == typed).desc(), col(User.email_ascii).is_not(None).desc()
        )
        .limit(1)
    )
    return found.one_or_none()


def lookup_form(typed: str) -> str:
    """What is no address is looked up all the same: it takes as long and finds nobody."""
    return _spellings(typed)[0]


def is_at(typed: str) -> ColumnElement[bool]:
    """Whether an account has the address, of which any spelling may be given.

    Where a process of the release before wrote the address, its ASCII form is missing for a while.
    """
    form, *others = _spellings(typed)
    spelt_so = func.lower(User.email).in_([form, *others])
    return or_(col(User.email_ascii) == form, and_(col(User.email_ascii).is_(None), spelt_so))


def _spellings(typed: str) -> tuple[str, ...]:
    """Its ASCII form, and how an account may have it written. It may be an old account's address, of
    a kind that is not taken any more."""
    plain = typed.strip()
    try:
        read = read_address(typed)
    except NotAnAddress:
        return (ascii_address(plain), plain.lower())
    return (read.ascii, plain.lower(), read.shown)


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
        statement = statement.where(is_at(email))
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
