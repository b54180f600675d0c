"""The settings of event-service, read from its environment."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from service_kit.settings import PublicOrigin, ServiceSettings

_ADDRESS = re.compile(r"[^\s@<>\"?&%]+@[^\s@<>\"?&%]+\.[^\s@<>\"?&%]+")


def _name_an_address(value: str) -> str:
    """It becomes a link."""
    value = value.strip()
    if value and not _ADDRESS.fullmatch(value):
        raise ValueError("must be an e-mail address such as hello@example.com")
    return value


class Settings(ServiceSettings):
    hold_seconds: int = Field(600, ge=1)
    waitlist_offer_seconds: int = Field(3600, ge=1)
    idempotency_hours: int = Field(24, ge=1)
    # The delay of ``seats_available`` after a booking, at most.
    tally_seconds: float = Field(0.4, gt=0)
    sweep_seconds: float = Field(1.0, gt=0)
    reminder_seconds: float = Field(30.0, gt=0)
    # Of the event list and of single events; a list also ends when its first event begins.
    cache_seconds: int = Field(300, ge=1)
    # In all drafts of one person together: each seat is a row.
    max_draft_seats: int = Field(500_000, ge=1)

    # An image of an event as it is uploaded; its pixels are counted before they are decoded.
    max_image_bytes: int = Field(5_242_880, ge=1)
    max_image_pixels: int = Field(25_000_000, ge=1)

    # Where browsers reach the other services; empty for the page's own origin, behind a gateway.
    auth_public_url: PublicOrigin = ""
    notification_public_url: PublicOrigin = ""
    # Where superusers find Flower; empty for /ops/flower/ of the page's own origin.
    flower_public_url: PublicOrigin = ""

    # Who answers for the site, in lines: name and postal address. With the contact on the page /privacy.
    operator: Annotated[str, Field(max_length=500)] = ""
    contact_email: Annotated[str, AfterValidator(_name_an_address)] = ""
    # Texts in place of those that come with the service; privacy/notes.py has their form.
    privacy_note_en: Annotated[str, Field(max_length=20_000)] = ""
    privacy_note_ru: Annotated[str, Field(max_length=20_000)] = ""

    event_write_rate_limit: str = "120/minute"
    event_image_rate_limit: str = "30/minute"
    booking_rate_limit: str = "120/minute"
    waitlist_rate_limit: str = "60/minute"
    # Several scanners may use one account.
    check_in_rate_limit: str = "1200/minute"
    # Of one address: all doors of a hall may have the same.
    door_rate_limit: str = "1200/minute"
    door_snapshot_rate_limit: str = "60/minute"
    attendees_rate_limit: str = "30/minute"
    organizer_message_rate_limit: str = "20/hour"
    # A first visit loads some thirty files, and many people may share one address.
    static_rate_limit: str = "6000/minute"

    graphql_rate_limit: str = "120/minute"

    # A query may ask for much more than a request of REST; see graphql/limits.py and query_size.py.
    graphql_max_characters: int = Field(10_000, ge=1)
    graphql_max_tokens: int = Field(500, ge=1)
    # Deeper queries would exceed the recursion limit while they are measured.
    graphql_max_depth: int = Field(12, ge=1, le=100)
    graphql_max_aliases: int = Field(15, ge=0)
    graphql_max_cost: int = Field(10_000, ge=1)
    graphql_max_seats: int = Field(10_000, ge=0)
    graphql_max_seat_maps: int = Field(2, ge=0)
    graphql_max_answer_bytes: int = Field(2_000_000, ge=1)
    # None: in development only.
    graphql_introspection: bool | None = None

    @property
    def hold_for(self) -> timedelta:
        return timedelta(seconds=self.hold_seconds)

    @property
    def offer_for(self) -> timedelta:
        return timedelta(seconds=self.waitlist_offer_seconds)

    @property
    def allows_introspection(self) -> bool:
        """Whether GraphQL answers introspection and adds suggestions to its errors."""
        if self.graphql_introspection is None:
            return self.is_development
        return self.graphql_introspection
