"""The events of the demo, read from demo_events.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class DemoEvent:
    title: str
    description: str
    category: str
    venue: str
    city: str
    timezone: str
    days_ahead: int
    hour: int
    seating: Json
    hours: int = 2
    price: int = 0
    currency: str = "EUR"
    is_published: bool = True


def _seating(event: Json) -> Json:
    """``capacity``, or ``sections`` as lists of name, price, rows and what a row is, as the API has it."""
    if "capacity" in event:
        return {"kind": "general", "capacity": event.pop("capacity")}
    sections = [
        {
            "name": name,
            "price": price,
            "rows": [{"name": row, "seats": seats} for row in ascii_uppercase[:rows]],
        }
        for name, price, rows, seats in event.pop("sections")
    ]
    return {"kind": "assigned", "sections": sections}


_TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
EVENTS = tuple(DemoEvent(seating=_seating(event), **event) for event in _TABLE["event"])
