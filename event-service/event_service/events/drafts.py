"""How many seats a person may have in unpublished drafts: each is a row, and a draft needs no verified
address."""

from uuid import UUID

from sqlalchemy import func, select, text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.errors import TooManyDraftSeats
from event_service.models import Event

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('drafts:' || CAST(:user AS text), 0))")


async def lock_drafts(session: AsyncSession, user_id: UUID) -> None:
    """Until the end of the transaction nobody else makes this person's drafts larger. After the lock of
    an event, and before any of seats: whoever has this lock waits for no event."""
    await session.execute(_LOCK, {"user": str(user_id)})


async def refuse_too_many_draft_seats(
    session: AsyncSession, user_id: UUID, *, limit: int, more: int = 0
) -> None:
    """Raises TooManyDraftSeats if what is stored and ``more`` seats pass the limit. The person's drafts
    are locked."""
    stored = await session.scalar(
        select(func.coalesce(func.sum(col(Event.capacity)), 0)).where(
            col(Event.organizer_id) == user_id, col(Event.status) == "draft"
        )
    )
    if (stored or 0) + more > limit:
        raise TooManyDraftSeats(
            f"Your drafts may have {limit} seats together. Publish or delete some of them first.",
            max_seats=limit,
        )
