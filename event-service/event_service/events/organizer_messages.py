"""Messages of an organizer to the guests of an event: one to each guest."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Uuid, cast, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.messages import event_snapshot
from event_service.erased_users import refuse_erased
from event_service.events.administration import log_superuser
from event_service.events.messages import confirmed_guests, recipients
from event_service.events.queries import require_organizer, required_owner
from event_service.models import Event, OrganizerMessage, OutboxMessage
from service_kit.clock import utc_now
from service_kit.ids import new_id
from service_kit.messaging.notifications import write_notifications
from service_kit.text import Line, Paragraphs
from service_kit.web.tokens import Person

# 10 MB of texts with the maximum length.
GUESTS_PER_BATCH = 500
# Longer than a batch takes.
FIRST_PAUSE_SECONDS = 30
LONGEST_PAUSE_SECONDS = 3600

_CLAIM = text("""
    UPDATE organizer_message
    SET attempts = attempts + 1,
        next_attempt_at = now() + interval '1 second'
            * least(:first * 2 ^ least(attempts, 20), :longest)
    WHERE id = (
        SELECT id FROM organizer_message WHERE next_attempt_at <= now()
        ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, attempts
""")


@dataclass(frozen=True, slots=True)
class Claim:
    """A message to write a batch of. ``attempts`` counts this one."""

    message_id: UUID
    attempts: int


class OrganizerMessageCreate(BaseModel):
    # Unknown fields are refused: with a misspelled ``preview`` the message would be sent.
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"subject": "Doors open at 18:30", "body": "Dear all,\n\ncome early!"}]
        },
    )

    subject: Annotated[str, Line(200)]
    body: Annotated[str, Paragraphs(20_000, min_length=1)]


class MessageSent(BaseModel):
    guests: int = Field(description="How many people it goes to.")
    text: str | None = Field(None, description="With ?preview=true: what they would read.")


async def send_to_guests(
    session: AsyncSession,
    event_id: UUID,
    message: OrganizerMessageCreate,
    *,
    by: Person,
    key: str | None = None,
) -> MessageSent:
    """Stores the message once; ``write_batch`` writes one to each guest later. A text of 20,000
    characters for each of 30,000 guests would take longer than a request may. Raises as
    ``require_organizer`` does.

    With a ``key`` the same message has the same id, also when it comes again after all was written: by
    the id in ``dedup_key`` each guest gets one mail of it."""
    event = await require_organizer(session, event_id, required_owner(by))
    await refuse_erased(session, by.user_id)
    log_superuser("messaged", event, by)
    guests = confirmed_guests(event_id, "").subquery()
    message_id = _id_of(event_id, message, by.user_id, key)
    await session.execute(
        insert(OrganizerMessage)
        .values(
            id=message_id,
            event_id=event.id,
            subject=message.subject,
            body=message.body,
            guest_ids=select(
                func.coalesce(func.array_agg(guests.c.user_id), cast([], ARRAY(Uuid())))
            ).scalar_subquery(),
            written=0,
            created_at=utc_now(),
        )
        .on_conflict_do_nothing(index_elements=[col(OrganizerMessage.id)])
    )
    stored = await session.execute(
        select(func.cardinality(col(OrganizerMessage.guest_ids))).where(
            col(OrganizerMessage.id) == message_id
        )
    )
    return MessageSent(guests=stored.scalar_one())


def _id_of(event_id: UUID, message: OrganizerMessageCreate, by: UUID, key: str | None) -> UUID:
    if key is None:
        return new_id()
    return uuid5(event_id, "\n".join((str(by), key, message.subject, message.body)))


async def claim_next_message(session: AsyncSession) -> Claim | None:
    """Takes the message that has been due for longest, and postpones it for the case that its batch is
    not written. To be committed first: whatever ends the batch, an error, the connection or the process,
    the message is due again after a pause that doubles each time, and the others pass."""
    claimed = await session.execute(
        _CLAIM, {"first": FIRST_PAUSE_SECONDS, "longest": LONGEST_PAUSE_SECONDS}
    )
    row = claimed.one_or_none()
    return None if row is None else Claim(message_id=row.id, attempts=row.attempts)


async def write_batch(session: AsyncSession, message_id: UUID) -> None:
    """Writes the messages to the next GUESTS_PER_BATCH guests; after it the message is due at once, behind
    the others. Nothing, while another process writes some."""
    end = col(OrganizerMessage.written) + GUESTS_PER_BATCH
    this = col(OrganizerMessage.id) == message_id
    rows = await session.execute(
        select(
            col(OrganizerMessage.event_id),
            col(OrganizerMessage.subject),
            col(OrganizerMessage.body),
            col(OrganizerMessage.guest_ids)[col(OrganizerMessage.written) + 1 : end].label(
                "guests"
            ),
            (func.cardinality(col(OrganizerMessage.guest_ids)) <= end).label("is_last"),
        )
        .where(this)
        .with_for_update(skip_locked=True)
    )
    message = rows.one_or_none()
    if message is None:
        return
    event = await session.get_one(Event, message.event_id)
    await write_notifications(
        session,
        OutboxMessage,
        recipients(message.guests, f"organizer-message:{message_id}"),
        kind="organizer-message",
        data={
            "event_id": str(event.id),
            "event": event_snapshot(event),
            "subject": message.subject,
            "body": message.body,
        },
        version=event.version,
    )
    if message.is_last:
        await session.execute(delete(OrganizerMessage).where(this))
    else:
        await session.execute(
            update(OrganizerMessage)
            .where(this)
            .values(written=end, attempts=0, next_attempt_at=func.now())
        )


async def oldest_unwritten_seconds(session: AsyncSession) -> float:
    """Age of the oldest message that not every guest has in the outbox; 0.0 if none."""
    age = await session.scalar(
        select(func.extract("epoch", func.now() - func.min(col(OrganizerMessage.created_at))))
    )
    return max(0.0, float(age or 0.0))


async def preview_for_guests(
    session: AsyncSession, event_id: UUID, message: OrganizerMessageCreate, *, by: Person
) -> MessageSent:
    """Sends nothing. notification-service adds greeting and layout in each guest's language. Raises as
    ``require_organizer`` does."""
    event = await require_organizer(session, event_id, required_owner(by))
    guests = await session.scalar(
        select(func.count()).select_from(confirmed_guests(event_id, "").subquery())
    )
    starts_at = event.starts_at.astimezone(ZoneInfo(event.timezone))
    return MessageSent(
        guests=guests or 0,
        text=f"{message.subject}\n\n{message.body}\n\n{event.title}\n"
        f"{starts_at:%Y-%m-%d %H:%M} ({event.timezone})\n{event.venue}, {event.city}",
    )
