"""The page's paths: which lead to a view of its own, and which belong to somebody else."""

import re
from uuid import UUID

from starlette.convertors import Convertor, register_url_convertor

# The first parts of paths that views have, beside the list and the events. ``app.js`` has the views.
VIEWS = frozenset(
    {
        "account",
        "admin",
        "bookings",
        "contact",
        "forgot",
        "my-events",
        "privacy",
        "register",
        "reset",
        "sign-in",
        "unsubscribe",
        "verify",
    }
)
# Of an event's paths.
EVENT_VIEWS = frozenset({"door"})
# Not the page's: what is not found there is told as a problem, to programs.
RESERVED = ("api", "static", "docs", "graphql", "health", "metrics", "ops", "openapi.json")


class PagePath(Convertor[str]):
    """A path of one part or more that is not reserved: ``{path:page}``."""

    regex = rf"(?!(?:{'|'.join(map(re.escape, RESERVED))}|\.well-known)(?:/|$)).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("page", PagePath())


def is_view(path: str) -> bool:
    """Whether the page shows something at a path, which comes without its first slash."""
    first, *rest = path.rstrip("/").split("/")
    if first == "events":
        return len(rest) == 2 and is_id(rest[0]) and rest[1] in EVENT_VIEWS
    return first in VIEWS


def is_id(text: str) -> bool:
    """Ids are written as the API writes them: an event has one address."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
