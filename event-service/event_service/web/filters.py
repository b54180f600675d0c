"""What of the list an address asks for, as ``search-form.js`` and ``days.js`` read it."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta

NAMES = ("q", "city", "category", "when", "from", "to", "sort")
ORDERS = ("relevance", "starts_at", "-created_at", "-starts_at")
SATURDAY = 5

# The first and the last day from today on.
SPANS: dict[str, Callable[[date], tuple[int, int]]] = {
    "today": lambda _: (0, 0),
    # On a Sunday what is left of this one.
    "weekend": lambda day: (
        (0, 0)
        if day.weekday() > SATURDAY
        else (SATURDAY - day.weekday(), SATURDAY + 1 - day.weekday())
    ),
    "next-week": lambda day: (7 - day.weekday(), 13 - day.weekday()),
    "month": lambda _: (0, 29),
    "week": lambda _: (0, 6),
}
# ``week`` stands in addresses of an earlier release.
CHOICES = tuple(name for name in SPANS if name != "week")


def read_filters(query: Mapping[str, str]) -> dict[str, str]:
    """The filters by name, empty where there is none; from an address, which anybody may have written."""
    filters = {name: query.get(name, "").strip() for name in NAMES}
    for name in ("from", "to"):
        if _day(filters[name]) is None:
            filters[name] = ""
    if filters["from"] or filters["to"] or filters["when"] not in SPANS:
        filters["when"] = ""
    if filters["sort"] not in ORDERS:
        filters["sort"] = ""
    return filters


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2027-01-20") else None
    except ValueError:
        return None


def request_of(filters: Mapping[str, str], now: datetime) -> dict[str, str]:
    """As parameters of the API. Days are those of UTC: a browser without scripts does not tell its own."""
    query = {name: filters[name] for name in ("q", "city", "category") if filters[name]}
    usual = "relevance" if filters["q"] else "starts_at"
    if filters["sort"] and filters["sort"] != usual:
        query["sort"] = filters["sort"]
    first, last = _day(filters["from"]), _day(filters["to"])
    if filters["when"]:
        today = now.astimezone(UTC).date()
        first, last = (today + timedelta(n) for n in SPANS[filters["when"]](today))
    if first:
        query["starts_from"] = datetime.combine(first, time.min, UTC).isoformat()
    if last:
        query["starts_to"] = datetime.combine(last, time.max, UTC).isoformat()
    return query


def has_days(filters: Mapping[str, str]) -> bool:
    return bool(filters["when"] or filters["from"] or filters["to"])
