"""What an organizer sends to make an event, for all tests and loads. Only of the standard library: loads run
in environments of their own."""

from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]


def event_times() -> Json:
    """In a month, for two hours."""
    starts_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    return {
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(hours=2)).isoformat(),
    }


def event_body(**changes: Any) -> Json:
    """General admission of 20 at 25.00, unless ``changes`` say otherwise."""
    return {
        "title": "Winter concert",
        "venue": "Town hall",
        "city": "Berlin",
        "timezone": "Europe/Berlin",
        **event_times(),
        "price": 2500,
        "seating": {"kind": "general", "capacity": 20},
    } | changes
