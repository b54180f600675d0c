"""Whether an account is erased, read from the table by what may not act on its behalf."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.models import ErasedUser
from service_kit.problems import NotAuthenticated


async def refuse_erased(session: AsyncSession, user_id: UUID) -> None:
    """Raises NotAuthenticated. A process learns of erased accounts within seconds; until then it still
    accepts their tokens."""
    if await session.get(ErasedUser, user_id) is not None:
        raise NotAuthenticated
