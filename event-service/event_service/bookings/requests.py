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
        return hashlib.sha256(self.body.model_dump_json().encode()).hexdigest()
