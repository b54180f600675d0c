"""The plan of an event's hall as an organizer would send it, and events that are made from others."""

from datetime import timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.events.fields import Instant, Title
from event_service.events.plans import (
    GAP,
    STANDARD,
    AssignedSeating,
    GeneralSeating,
    RowIn,
    SectionIn,
)
from event_service.events.queries import require_organizer, required_owner
from event_service.events.schemas import TIMES, EventCreate, PlanPublic
from event_service.events.service import create_event
from event_service.events.sql import statements
from event_service.models import Event
from event_service.statuses import Numbering, SeatingKind
from service_kit.clock import utc_now
from service_kit.database.engine import sql_connection
from service_kit.web.tokens import Person

# What a copy does not take over: it has times and seats of its own.
_NOT_COPIED = {"seating", *TIMES}
_COPY_IMAGE = text("""
    WITH copied AS (
        INSERT INTO event_image (event_id, width, hash, content)
        SELECT :copy, width, hash, content FROM event_image WHERE event_id = :original
        RETURNING hash
    )
    UPDATE event SET image_hash = (SELECT min(hash) FROM copied) WHERE id = :copy
""")


class EventCopy(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"starts_at": "2027-02-20T18:30:00Z"}]}
    )

    starts_at: Instant = Field(description="The other times move along with it.")
    title: Title | None = Field(None, description="Without it, the same.")


async def duplicate_event(
    session: AsyncSession,
    event_id: UUID,
    copy: EventCopy,
    *,
    by: Person,
    max_draft_seats: int,
) -> Event:
    """A draft of ``by`` with the same texts, prices, plan and image; nobody's bookings are copied. Raises as
    ``create_event`` and ``require_organizer`` do."""
    original = await require_organizer(session, event_id, required_owner(by))
    # Stored values are not judged anew: an older event may have a currency that is gone, and can be copied.
    new = EventCreate.model_construct(
        **{name: getattr(original, name) for name in EventCreate.model_fields.keys() - _NOT_COPIED},
        **_moved(original, copy.starts_at - original.starts_at),
        seating=await _seating(session, original),
    )
    if copy.title is not None:
        new.title = copy.title
    event = await create_event(
        session, new, by=by.user_id, now=utc_now(), max_draft_seats=max_draft_seats
    )
    if original.image_hash is not None:
        await session.execute(_COPY_IMAGE, {"copy": event.id, "original": original.id})
    return event


def _moved(event: Event, by: timedelta) -> dict[str, Any]:
    times = {name: getattr(event, name) for name in TIMES}
    return {name: at and at + by for name, at in times.items()}


async def _seating(session: AsyncSession, event: Event) -> AssignedSeating | GeneralSeating:
    if event.seating == SeatingKind.GENERAL:
        return GeneralSeating.model_construct(kind=event.seating, capacity=event.capacity)
    sections = await read_plan(session, event.id)
    return AssignedSeating.model_construct(kind=event.seating, sections=sections)


async def get_plan(session: AsyncSession, event_id: UUID, *, by: Person) -> PlanPublic:
    """Raises as ``require_organizer`` does."""
    event = await require_organizer(session, event_id, required_owner(by))
    sections = await read_plan(session, event_id)
    return PlanPublic.model_construct(version=event.version, sections=sections)


async def read_plan(session: AsyncSession, event_id: UUID) -> list[SectionIn]:
    """The sections of an event, as they would be sent to make the same hall; empty with general admission."""
    rows = await statements.read_plan.rows(await sql_connection(session), event_id=event_id)
    return [
        SectionIn.model_construct(
            name=name,
            price=price,
            rows=[
                RowIn.model_construct(
                    name=row.row_name, seats=_row_seats(row), numbering=Numbering(row.numbering)
                )
                for row in of
            ],
        )
        for (name, price), of in groupby(rows, key=lambda row: (row.section, row.price))
    ]


def _row_seats(row: Any) -> int | str:
    """A number where the row has nothing but seats side by side."""
    width: int = max(row.width, row.columns[-1])
    if width == len(row.columns) and set(row.letters) == {STANDARD}:
        return width
    seats = [GAP] * width
    for column, letter in zip(row.columns, row.letters, strict=True):
        seats[column - 1] = letter
    return "".join(seats)
