"""What somebody asks to book."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from event_service.bookings.schemas import BookingCreate


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """Who books what, under which idempotency key (None: without)."""

    user_id: UUID
    body: BookingCreate
    key: str | None = None
    guest_name: str | None = None

    @property
    def fingerprint(self) -> str | None:
        """Tells another request under the same key from a repeated one; None without a key."""
        if self.key is None:
            return None
        # Without them it is as the previous release has stored it.
        optional = None if self.body.names_a_part else {"section", "kind"}
        document = self.body.model_dump_json(exclude=optional)
        return hashlib.sha256(document.encode()).hexdigest()
