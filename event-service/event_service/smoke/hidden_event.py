"""The event that the smoke test books: published, and in no list, search or statistic.

It began yesterday and ends in ten years. So a process of the release before, which knows nothing of
``is_listed``, does not list it either, nobody is reminded of it, and it can be booked at any time.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from event_service.models import Event
from event_service.smoke.client import API, Json, Service, SmokeFailed
from event_service.statuses import EventStatus
from service_kit.database.engine import Database

SEATS = 20
LASTS = timedelta(days=3650)
# An event that ends sooner is replaced by another.
NEEDED = timedelta(days=30)


async def find_or_create(event: Service, database: Database, owner_id: UUID, now: datetime) -> Json:
    """The hidden event of the smoke account. It is made through the API, by the rules of organizers; only
    that it is hidden is written to the database, since the API has no such field."""
    own = await event.ask("GET", f"{API}/events?organizer=me&limit=100")
    usable = [found for found in own["items"] if _is_usable(found, now)]
    if usable:
        hidden: Json = usable[0]
        await _hide(database, UUID(hidden["id"]), owner_id)
        return hidden
    draft = await event.ask("POST", f"{API}/events", 201, json=_body(now))
    # Before it is published, so that no list has it for a moment.
    await _hide(database, UUID(draft["id"]), owner_id)
    return await event.ask("POST", f"{API}/events/{draft['id']}/publish")


def _is_usable(event: Json, now: datetime) -> bool:
    return (
        event["status"] == EventStatus.PUBLISHED
        and datetime.fromisoformat(event["ends_at"]) > now + NEEDED
        and datetime.fromisoformat(event["starts_at"]) < now
    )


def _body(now: datetime) -> Json:
    starts_at = now.astimezone(UTC).replace(microsecond=0) - timedelta(days=1)
    ends_at = (starts_at + LASTS).isoformat()
    return {
        "title": "Smoke test",
        "description": "Parterre books a seat of it after each deployment. It is in no list.",
        "venue": "Parterre",
        "city": "Parterre",
        "timezone": "UTC",
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at,
        # Else it would be the start, and nothing could be cancelled.
        "cancellation_deadline": ends_at,
        "max_seats_per_user": SEATS,
        "seating": {"kind": "general", "capacity": SEATS},
    }


async def _hide(database: Database, event_id: UUID, owner_id: UUID) -> None:
    async with database.transaction() as session:
        is_own = (col(Event.id) == event_id, col(Event.organizer_id) == owner_id)
        found = await session.execute(
            update(Event)
            .where(*is_own, col(Event.is_listed))
            .values(is_listed=False)
            .returning(col(Event.id))
        )
        if found.first() is None and await session.get(Event, event_id) is None:
            raise SmokeFailed(
                "event: the hidden event is not in the database of DATABASE_URL: the address asked"
                " belongs to another installation"
            )
