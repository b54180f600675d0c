"""An event as search engines read it: schema.org's Event in JSON-LD."""

import json
from typing import Any

from markupsafe import Markup

from event_service.events.schemas import EventPublic
from event_service.statuses import EventStatus

STATUS = {
    EventStatus.PUBLISHED: "https://schema.org/EventScheduled",
    EventStatus.CANCELLED: "https://schema.org/EventCancelled",
}
# In a script's text nothing may end it, whatever people wrote.
_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def as_script_text(json_text: str) -> Markup:
    """JSON as the text of a ``script`` that is data; the escaped characters stand in strings only."""
    for character, escape in _ESCAPES.items():
        json_text = json_text.replace(character, escape)
    return Markup(json_text)


def json_ld(event: EventPublic, *, url: str, image: str | None) -> Markup:
    """``url`` and ``image`` are whole addresses."""
    availability = "InStock" if event.seats_available > 0 else "SoldOut"
    document: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Event",
        "name": event.title,
        "url": url,
        "startDate": event.starts_at.isoformat(),
        "endDate": event.ends_at.isoformat(),
        "eventStatus": STATUS[event.status],
        "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
        "location": {
            "@type": "Place",
            "name": event.venue,
            "address": {"@type": "PostalAddress", "addressLocality": event.city},
        },
        "offers": {
            "@type": "Offer",
            "url": url,
            "price": _amount(event),
            "priceCurrency": event.currency,
            "availability": f"https://schema.org/{availability}",
        },
    }
    if event.description:
        document["description"] = event.description
    if event.doors_at:
        document["doorTime"] = event.doors_at.isoformat()
    if event.organizer_name:
        document["organizer"] = {"@type": "Organization", "name": event.organizer_name}
    if image:
        document["image"] = [image]
    if event.sales_start:
        document["offers"]["validFrom"] = event.sales_start.isoformat()
    return as_script_text(json.dumps(document, ensure_ascii=False))


def _amount(event: EventPublic) -> str:
    whole, rest = divmod(event.price, 10**event.currency_digits)
    return f"{whole}.{rest:0{event.currency_digits}}" if event.currency_digits else str(whole)
