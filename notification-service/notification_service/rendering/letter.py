"""From a message's content and its reader to what the mail says and carries."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from notification_service.messages.contents import (
    AccountContent,
    BookingContent,
    ChangeContent,
    Content,
    EventContent,
    EventSnapshot,
    OfferContent,
    OrganizerContent,
    Seat,
    one_line,
)
from notification_service.rendering.calendar import mail_calendar_file
from notification_service.rendering.formats import Formats, formats_for, locale_of, zone_of
from notification_service.rendering.qr import qr_code
from notification_service.rendering.templates import Templates
from notification_service.rendering.texts import among_others, name_to_greet
from service_kit.calendar_files import Status, method_of

# More would make a mail that servers refuse; the booking's page has them all.
MAX_TICKETS = 20
MAX_CALENDAR_ENTRIES = 50
KEPT_EVENTS = 256
WITH_TICKETS = ("booking-confirmed", "event-reminder")
# What becomes of the bookings' entries in the reader's calendar.
CALENDAR: dict[str, Status] = {
    "booking-confirmed": "CONFIRMED",
    "event-changed": "CONFIRMED",
    "booking-cancelled": "CANCELLED",
    "event-cancelled": "CANCELLED",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a mail is for; ``name`` is what somebody typed, and is cleaned here."""

    name: str | None
    locale: str

    def greeting_name(self) -> str | None:
        return name_to_greet(str(one_line(self.name))) if self.name else None


@dataclass(frozen=True, slots=True)
class Link:
    """A secret of the account for the mail's button; it ends at ``expires_at``."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail without its envelope. ``images`` are PNGs by their Content-ID, ``calendar`` a file of the
    method beside it (RFC 5546)."""

    subject: str
    text: str
    html: str
    locale: str
    images: dict[str, bytes] = field(default_factory=dict)
    calendar: bytes | None = None
    calendar_method: str = "PUBLISH"
    unsubscribe_url: str | None = None


class LetterWriter:
    """``public_url`` is the only place that a mail ever links to."""

    def __init__(self, public_url: str) -> None:
        self._url = public_url
        self._templates = Templates()

    def write(
        self,
        kind: str,
        content: Content,
        reader: Reader,
        *,
        now: datetime,
        link: Link | None = None,
        unsubscribe_token: str | None = None,
    ) -> Letter:
        locale = locale_of(reader.locale)
        context: dict[str, Any] = {
            "name": reader.greeting_name(),
            "public_url": self._url,
            "unsubscribe_url": None,
        }
        images: dict[str, bytes] = {}
        match content:
            case BookingContent():
                context |= self._booking(kind, content, locale, now)
                images = {t["cid"]: qr_code(t["code"]) for t in context["tickets"]}
            case OfferContent():
                context |= self._offer(content, locale)
            case OrganizerContent():
                context |= self._event(content.event_id, content.event, locale)
                subject = among_others(content.subject)
                context |= {"message_subject": subject, "message_body": content.body}
            case EventContent():
                context |= self._change(content, locale)
            case AccountContent():
                context |= self._account(kind, link, formats_for(locale), now)
        calendar = self._calendar(kind, content, now)
        context["has_calendar"] = calendar is not None
        unsubscribe_api_url = None
        if unsubscribe_token is not None:
            context["unsubscribe_url"] = f"{self._url}/#/unsubscribe?token={unsubscribe_token}"
            unsubscribe_api_url = (
                f"{self._url}/api/v1/notifications/unsubscribe/{unsubscribe_token}"
            )
        writing = self._templates.write(kind, locale, context)
        return Letter(
            subject=writing.subject,
            text=writing.text,
            html=writing.html,
            locale=locale,
            images=images,
            calendar=calendar,
            calendar_method=method_of(CALENDAR[kind]) if calendar else "PUBLISH",
            unsubscribe_url=unsubscribe_api_url,
        )

    def _booking(
        self, kind: str, content: BookingContent, locale: str, now: datetime
    ) -> dict[str, Any]:
        formats = formats_for(locale)
        shown = content.seats[:MAX_TICKETS] if kind in WITH_TICKETS else []
        return self._event(content.event_id, content.event, locale) | {
            "booking_url": f"{self._url}/#/bookings/{content.booking_id}",
            "quantity": content.quantity,
            "total": formats.money(content.total, content.currency),
            "tickets": [self._ticket(i, seat, locale) for i, seat in enumerate(shown, start=1)],
            "cancel_until": _cancel_until(content.event, locale, now),
            "more_tickets": max(0, content.quantity - len(shown)) if kind in WITH_TICKETS else 0,
        }

    def _ticket(self, index: int, seat: Seat, locale: str) -> dict[str, Any]:
        labels = {"section": seat.section, "row": seat.row, "number": seat.number}
        numbers = {name: label and among_others(label) for name, label in labels.items()}
        place = self._templates.words(locale).place({"index": index, **numbers})
        return {"place": str(place), "code": seat.ticket_code, "cid": f"ticket-{index}@parterre"}

    def _offer(self, content: OfferContent, locale: str) -> dict[str, Any]:
        zone = zone_of(content.event.timezone)
        return self._event(content.event_id, content.event, locale) | {
            "booking_url": f"{self._url}/#/bookings/{content.booking_id}",
            "quantity": content.quantity,
            "offer_ends": formats_for(locale).day_and_time(content.expires_at, zone),
        }

    def _change(self, content: EventContent, locale: str) -> dict[str, Any]:
        context = self._event(content.event_id, content.event, locale)
        context |= {
            "reason": content.reason,
            "organizer_erased": content.organizer_erased,
            "bookings": len(content.booking_ids),
            "changes": [],
        }
        if isinstance(content, ChangeContent):
            new, old = context["event"], _shown(content.before(), locale)
            words = self._templates.words(locale)
            context["changes"] = [
                {"label": label, "old": old[key], "new": new[key]}
                for label, key in (
                    (words.title, "titles"),
                    (words.time, "when"),
                    (words.where, "place"),
                )
                if old[key] != new[key]
            ]
        return context

    def _event(self, event_id: object, event: EventSnapshot, locale: str) -> dict[str, Any]:
        return {
            "event": _shown(event, locale),
            "event_url": f"{self._url}/#/events/{event_id}",
        }

    def _account(
        self, kind: str, link: Link | None, formats: Formats, now: datetime
    ) -> dict[str, Any]:
        context = {"account_url": f"{self._url}/#/account", "forgot_url": f"{self._url}/#/forgot"}
        if link is not None:
            page = "verify" if kind == "verify-email" else "reset"
            # In the fragment: it reaches neither a server's log nor a Referer header.
            context["link"] = f"{self._url}/#/{page}?token={link.token}"
            context["link_lasts"] = formats.span(link.expires_at - now)
        return context

    def _calendar(self, kind: str, content: Content, now: datetime) -> bytes | None:
        status = CALENDAR.get(kind)
        if status is None:
            return None
        match content:
            case BookingContent():
                booking_ids = [content.booking_id]
            case EventContent():
                booking_ids = content.booking_ids[:MAX_CALENDAR_ENTRIES]
            case _:
                return None
        if not booking_ids:
            return None
        prefix = f"{self._url}/#/bookings/"
        return mail_calendar_file(
            booking_ids, content.event, status=status, url_prefix=prefix, at=now
        )


def _cancel_until(event: EventSnapshot, locale: str, now: datetime) -> str | None:
    return _last_cancellation(event, locale) if now < event.last_cancellation else None


@lru_cache(maxsize=KEPT_EVENTS)
def _last_cancellation(event: EventSnapshot, locale: str) -> str:
    return formats_for(locale).day_and_time(event.last_cancellation, zone_of(event.timezone))


@lru_cache(maxsize=KEPT_EVENTS)
def _shown(event: EventSnapshot, locale: str) -> dict[str, Any]:
    """An event as its readers see it; kept, because many mails about one come together."""
    formats, zone = formats_for(locale), zone_of(event.timezone)
    day = formats.day(event.starts_at, zone)
    hours = formats.hours(event.starts_at, event.ends_at, zone)
    title, venue, city = (among_others(text) for text in (event.title, event.venue, event.city))
    return {
        "title": title,
        "venue": venue,
        "city": city,
        "day": day,
        "hours": hours,
        "when": [day, hours],
        "titles": [title],
        "place": [f"{venue}, {city}"],
    }
