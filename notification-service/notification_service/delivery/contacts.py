"""What a delivery asks of auth-service: contact data of users, and tokens for links."""

from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from service_kit.messaging.contacts import Contact, ContactClient, problem_code, read_answer
from service_kit.messaging.service_client import ServiceUnavailable

__all__ = ["AccountClient", "Contact", "LinkToken"]


class LinkToken(BaseModel):
    token: str
    expires_at: AwareDatetime


class AccountClient(ContactClient):
    """Its methods raise ServiceUnavailable if auth-service does not answer as it should."""

    async def create_token(self, user_id: UUID, kind: str, *, address: str) -> LinkToken | None:
        """A token for the link in a mail to ``address``; None if the account needs none (any more)."""
        response = await self._request(
            "POST", "/auth/links", json={"user_id": str(user_id), "kind": kind, "email": address}
        )
        if problem_code(response) in ("not-found", "link-not-needed"):
            return None
        # After "address-changed", too, the next attempt asks for the address again.
        if response.status_code != 201:
            raise ServiceUnavailable(f"links answered {response.status_code}")
        return read_answer(LinkToken, response.content)
