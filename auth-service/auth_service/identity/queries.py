"""Reading and locking accounts."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.addresses import InvalidAddress, ascii_address, parse_address
from auth_service.models import User
from service_kit.problems import NotFound
from service_kit.web.paging import Paging


async def find_by_email(session: AsyncSession, email: str) -> User | None:
    """The account with this address, in any spelling.

    The release before may have made two accounts for two spellings of one address: then each is found
    by its own spelling.
    """
    typed = email.strip().lower()
    found = await session.exec(
        select(User)
        .where(has_address(email))
        .order_by(
            (func.lower(User.email) == typed).desc(), col(User.email_ascii).is_not(None).desc()
        )
        .limit(1)
    )
    return found.one_or_none()


def lookup_form(typed: str) -> str:
    """The ASCII form to look up, also for text that is no address: looking it up takes as long."""
    return _spellings(typed)[0]


def has_address(typed: str) -> ColumnElement[bool]:
    """SQL condition: the account has this address, in any spelling.

    The ASCII form is missing for a while after a process of the release before wrote the address.
    """
    form, *others = _spellings(typed)
    is_spelled_so = func.lower(User.email).in_([form, *others])
    return or_(col(User.email_ascii) == form, and_(col(User.email_ascii).is_(None), is_spelled_so))


def _spellings(typed: str) -> tuple[str, ...]:
    """The ASCII form, and how an account may have it written. An old account may have an address that
    is not accepted any more."""
    stripped = typed.strip()
    try:
        address = parse_address(typed)
    except InvalidAddress:
        return (ascii_address(stripped), stripped.lower())
    return (address.ascii, stripped.lower(), address.display)


async def get_user(session: AsyncSession, user_id: UUID) -> User:
    user = await session.get(User, user_id)
    if user is None:
        raise NotFound
    return user


async def list_by_ids(session: AsyncSession, ids: list[UUID]) -> list[User]:
    """The existing accounts among these ids."""
    found = await session.exec(select(User).where(col(User.id).in_(ids)))
    return list(found)


async def lock_user(session: AsyncSession, user_id: UUID) -> User | None:
    """The present row, locked until the end of the transaction."""
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
        statement = statement.where(has_address(email))
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
