"""What the kinds about an event share: its snapshot, how mails show it, and its calendar file."""

from datetime import date, datetime
from functools import lru_cache
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from notification_service.kinds.base import (
    MAX_VERSION,
    Instant,
    Line,
    OptionalLine,
    OptionalParagraphs,
    Paragraphs,
    Payload,
)
from notification_service.kinds.sample_texts import SampleTexts
from notification_service.rendering.context import RenderContext
from notification_service.rendering.formats import formats_for
from notification_service.rendering.texts import inline_text
from service_kit.calendar_files import Appointment, booking_entry, calendar_file
from service_kit.timezones import zone_of

MAX_CALENDAR_ENTRIES = 50
EVENT_CACHE_SIZE = 256


class EventSnapshot(BaseModel):
    """An event as it was when the message was written."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title: Line
    description: Paragraphs = ""
    venue: Line
    city: Line
    timezone: str
    starts_at: Instant
    ends_at: Instant
    cancellation_deadline: Instant | None = None
    doors_at: Instant | None = None
    organizer_name: OptionalLine = None
    payment_note: OptionalParagraphs = None
    # Grows with each change of the event; 0 in messages of a sender that did not say it.
    version: int = Field(0, ge=0, le=MAX_VERSION)

    @property
    def last_cancellation(self) -> datetime:
        """Until when a guest may cancel; the start if the sender did not say it."""
        return min(self.cancellation_deadline or self.starts_at, self.ends_at)


class EventPayload(Payload):
    """Base of the kinds about an event."""

    event_id: UUID
    event: EventSnapshot

    def is_over(self, now: datetime) -> bool:
        return self.event.ends_at <= now

    def template_values(self, context: RenderContext) -> dict[str, Any]:
        return {
            "event": event_values(self.event, context.locale),
            "event_url": context.page(f"events/{self.event_id}"),
        }

    def calendar_file(self, context: RenderContext) -> bytes | None:
        """The entries have the UID and the SEQUENCE of event-service's own files, so that whatever is
        later replaces the earlier."""
        if self.calendar_status is None:
            return None
        entries = [
            booking_entry(booking_id, self.event_id, url=context.page(f"bookings/{booking_id}"))
            for booking_id in self.calendar_bookings()[:MAX_CALENDAR_ENTRIES]
        ]
        if not entries:
            return None
        appointment = Appointment(
            title=self.event.title,
            location=f"{self.event.venue}, {self.event.city}",
            description=self.event.description,
            timezone=zone_of(self.event.timezone).key,
            starts_at=self.event.starts_at,
            ends_at=self.event.ends_at,
            version=self.event.version,
        )
        return calendar_file(appointment, entries, status=self.calendar_status, at=context.now)

    @classmethod
    def sample(cls, texts: SampleTexts) -> dict[str, Any]:
        return texts.event()


class EventNews(EventPayload):
    """Base of what guests of an event are told about all their bookings."""

    keeps_order: ClassVar[bool] = True

    booking_ids: list[UUID] = []
    reason: OptionalParagraphs = None
    organizer_erased: bool = False

    def calendar_bookings(self) -> list[UUID]:
        return self.booking_ids

    def template_values(self, context: RenderContext) -> dict[str, Any]:
        return super().template_values(context) | {
            "reason": self.reason,
            "organizer_erased": self.organizer_erased,
            "bookings": len(self.booking_ids),
        }


# Many mails about an event come together, and babel takes a while.
@lru_cache(maxsize=EVENT_CACHE_SIZE)
def event_values(event: EventSnapshot, locale: str) -> dict[str, Any]:
    """An event as recipients see it."""
    formats, zone = formats_for(locale), zone_of(event.timezone)
    day = formats.day(event.starts_at, zone)
    hours = formats.hours(event.starts_at, event.ends_at, zone)
    title, venue, city = (inline_text(text) for text in (event.title, event.venue, event.city))
    return {
        "title": title,
        "venue": venue,
        "city": city,
        "day": day,
        "hours": hours,
        "when": [day, hours],
        "titles": [title],
        "location": [f"{venue}, {city}"],
        "doors": _doors(event, locale, zone),
        "organizer": inline_text(event.organizer_name or ""),
        "payment_note": event.payment_note or "",
    }


def _doors(event: EventSnapshot, locale: str, zone: ZoneInfo) -> str | None:
    """When the doors open; with its day if that is not the day of the start."""
    if event.doors_at is None:
        return None
    formats, is_same_day = formats_for(locale), _day(event.doors_at, zone) == _day(
        event.starts_at, zone
    )
    time = formats.time(event.doors_at, zone)
    return time if is_same_day else f"{formats.day(event.doors_at, zone)}, {time}"


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
