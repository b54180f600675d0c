"""What somebody asks to book, and what becomes of it."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from event_service.bookings.representation import Json
from event_service.bookings.schemas import BookingCreate
from service_kit.problems import Problem


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """Who books what, under which idempotency key (None: without), and by which version of the event
    (None: by any)."""

    user_id: UUID
    body: BookingCreate
    key: str | None = None
    guest_name: str | None = None
    event_version: int | None = None

    @property
    def fingerprint(self) -> str | None:
        """Tells another request under the same key from a repeated one; None without a key."""
        if self.key is None:
            return None
        # Without them it is as the previous release has stored it.
        optional = None if self.body.names_a_part else {"section", "kind"}
        document = self.body.model_dump_json(exclude=optional)
        return hashlib.sha256(document.encode()).hexdigest()


class KeyInUse(Exception):
    """The request's key was there already; ``refusal`` is what the request would meet without it."""

    def __init__(self, refusal: Problem | None) -> None:
        super().__init__()
        self.refusal = refusal


class KeyBusy(Exception):
    """Another transaction uses the request's key: it tries again later, outside of a batch."""


# What becomes of a request in a transaction: a booking in the form of BookingPublic, or why there is none;
# None: not yet known.
Outcome = Json | Problem | KeyInUse | KeyBusy | None
