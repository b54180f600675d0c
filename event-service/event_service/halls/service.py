"""Keeping, reading and deleting plans of halls; each is its owner's alone."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.erased_users import refuse_erased
from event_service.events.copies import read_plan
from event_service.events.plans import SectionIn, count_seats
from event_service.events.queries import require_organizer, required_owner
from event_service.halls.schemas import HallCreate, HallSummary, HallUpdate
from event_service.models import HallTemplate
from event_service.problems import TooManyHalls
from service_kit.clock import utc_now
from service_kit.problems import InvalidRequest, NotFound
from service_kit.web.paging import Page, Paging
from service_kit.web.tokens import Person

MAX_HALLS = 50


async def create_hall(session: AsyncSession, new: HallCreate, *, by: Person) -> HallTemplate:
    """Raises TooManyHalls; NotFound and Forbidden for an event that is not ``by``'s, InvalidRequest for one
    with general admission."""
    await refuse_erased(session, by.user_id)
    owned = col(HallTemplate.owner_id) == by.user_id
    if (await session.scalar(select(func.count()).where(owned)) or 0) >= MAX_HALLS:
        raise TooManyHalls(f"You may keep {MAX_HALLS} halls. Delete some of them first.")
    sections = new.sections
    if sections is None:
        assert new.event_id is not None
        await require_organizer(session, new.event_id, required_owner(by))
        sections = await read_plan(session, new.event_id)
        if not sections:
            raise InvalidRequest.field("event_id", "This event has general admission.")
    hall = HallTemplate(owner_id=by.user_id, name=new.name, **_plan(sections))
    session.add(hall)
    await session.flush()
    return hall


async def list_halls(session: AsyncSession, user_id: UUID, paging: Paging) -> Page[HallSummary]:
    """The latest first, without their plans."""
    columns: list[Any] = [getattr(HallTemplate, name) for name in HallSummary.model_fields]
    statement = select(*columns).where(col(HallTemplate.owner_id) == user_id)
    after = paging.after(UUID)
    if after is not None:
        statement = statement.where(col(HallTemplate.id) < after[0])
    rows = await session.execute(
        statement.order_by(col(HallTemplate.id).desc()).limit(paging.limit + 1)
    )
    shown, cursor = paging.page(rows.all(), lambda row: (row.id,))
    return Page(items=[HallSummary.model_validate(row) for row in shown], next_cursor=cursor)


async def get_hall(session: AsyncSession, hall_id: UUID, *, by: UUID) -> HallTemplate:
    """Raises NotFound for one of somebody else's."""
    hall = await session.get(HallTemplate, hall_id)
    if hall is None or hall.owner_id != by:
        raise NotFound
    return hall


async def replace_hall(
    session: AsyncSession, hall_id: UUID, new: HallUpdate, *, by: UUID
) -> HallTemplate:
    hall = await get_hall(session, hall_id, by=by)
    for name, value in {"name": new.name, **_plan(new.sections)}.items():
        setattr(hall, name, value)
    hall.updated_at = utc_now()
    await session.flush()
    return hall


async def delete_hall(session: AsyncSession, hall_id: UUID, *, by: UUID) -> None:
    await session.delete(await get_hall(session, hall_id, by=by))


def _plan(sections: Sequence[SectionIn]) -> dict[str, Any]:
    return {
        "seats": count_seats(list(sections)),
        "sections": [section.model_dump(mode="json") for section in sections],
    }
