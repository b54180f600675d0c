"""Storing, reading and removing the image of an event."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.cache import touch_event
from event_service.erased_users import refuse_erased
from event_service.events.queries import lock_event, require_organizer, required_owner
from event_service.images.convert import ConvertedImage
from event_service.models import Event, EventImage
from event_service.problems import EventCancelled
from event_service.rules import may_change, may_see
from event_service.statuses import EventStatus
from service_kit.clock import utc_now
from service_kit.database.engine import Database
from service_kit.problems import NotFound
from service_kit.web.tokens import Person


@dataclass(frozen=True, slots=True)
class StoredImage:
    """``is_public``: whether everybody may see it; otherwise the event is a draft."""

    content: bytes
    is_public: bool


async def check_may_store(database: Database, event_id: UUID, *, by: Person) -> None:
    """Before the image is converted, which takes a while: raises what ``store_image`` raises."""
    async with database.transaction() as session:
        _check_not_cancelled(await require_organizer(session, event_id, required_owner(by)))


async def store_image(
    session: AsyncSession, event_id: UUID, image: ConvertedImage, *, by: Person
) -> None:
    """Replaces the event's image. Its version stays: guests are told nothing. Raises NotFound, Forbidden,
    EventCancelled."""
    event = await _lock_for_change(session, event_id, by)
    if event.image_hash == image.hash:
        return
    await _delete_files(session, event_id)
    session.add_all(
        EventImage(event_id=event_id, width=width, hash=image.hash, content=content)
        for width, content in image.by_width.items()
    )
    await _save(session, event, image.hash)


async def delete_image(session: AsyncSession, event_id: UUID, *, by: Person) -> None:
    """Safe to repeat. Raises as ``store_image`` does."""
    event = await _lock_for_change(session, event_id, by)
    if event.image_hash is not None:
        await _delete_files(session, event_id)
        await _save(session, event, None)


async def get_image(
    session: AsyncSession, event_id: UUID, image_hash: str, width: int, *, viewer: Person | None
) -> StoredImage:
    """The file of that width, or the widest one of a narrower image. Raises NotFound."""
    rows = await session.execute(
        select(col(EventImage.content), col(Event.status), col(Event.organizer_id))
        .join(Event, col(Event.id) == col(EventImage.event_id))
        .where(
            col(EventImage.event_id) == event_id,
            col(EventImage.hash) == image_hash,
            col(EventImage.width) <= width,
        )
        .order_by(col(EventImage.width).desc())
        .limit(1)
    )
    row = rows.one_or_none()
    if row is None or not (may_change(row, viewer) or may_see(row, None)):
        raise NotFound
    return StoredImage(row.content, is_public=row.status != EventStatus.DRAFT)


async def _lock_for_change(session: AsyncSession, event_id: UUID, by: Person) -> Event:
    event = await lock_event(session, event_id, owner=required_owner(by))
    await refuse_erased(session, by.user_id)
    _check_not_cancelled(event)
    return event


def _check_not_cancelled(event: Event) -> None:
    if event.status == EventStatus.CANCELLED:
        raise EventCancelled


async def _delete_files(session: AsyncSession, event_id: UUID) -> None:
    await session.execute(delete(EventImage).where(col(EventImage.event_id) == event_id))


async def _save(session: AsyncSession, event: Event, image_hash: str | None) -> None:
    event.image_hash = image_hash
    event.updated_at = utc_now()
    await session.flush()
    await touch_event(session, event.id)
