"""Asks event-service whether an account has events that nobody else could cancel."""

from uuid import UUID

from pydantic import BaseModel, Field, ValidationError

from auth_service.problems import OrganizerHasEvents
from service_kit.messaging.service_client import ServiceClient, ServiceUnavailable
from service_kit.problems import Unavailable

RETRY_AFTER_SECONDS = 5


class OrganizerEvents(BaseModel):
    """event-service's response: number of published events that have not ended."""

    upcoming_events: int = Field(ge=0)


class OrganizerClient:
    """A client of event-service. Without its response no account is erased."""

    def __init__(self, client: ServiceClient, event_service_url: str) -> None:
        self._client = client
        self._prefix = f"{event_service_url}/api/v1/events/organizers"

    async def refuse_if_has_events(self, user_id: UUID) -> None:
        """Raises OrganizerHasEvents, or Unavailable while event-service does not answer.

        Do not call it inside a transaction: it waits for another service.
        """
        if await self._count(user_id):
            raise OrganizerHasEvents

    async def _count(self, user_id: UUID) -> int:
        try:
            response = await self._client.request("GET", f"{self._prefix}/{user_id}")
            if response.status_code != 200:
                raise ServiceUnavailable(f"organizers answered {response.status_code}")
            return OrganizerEvents.model_validate_json(response.content).upcoming_events
        except (ServiceUnavailable, ValidationError) as error:
            raise Unavailable(
                "It cannot be checked at the moment whether you have events; try again.",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            ) from error
