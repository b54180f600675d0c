"""What event-service is told by its environment."""

from pydantic import Field

from service_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    hold_seconds: int = Field(600, ge=1)
    waitlist_offer_seconds: int = Field(3600, ge=1)
    idempotency_hours: int = Field(24, ge=1)
    # How soon seats_available follows a booking, at most.
    tally_seconds: float = Field(0.4, gt=0)
    sweep_seconds: float = Field(1.0, gt=0)
    cache_seconds: int = Field(300, ge=1)

    event_write_rate_limit: str = "120/minute"
    booking_rate_limit: str = "120/minute"
