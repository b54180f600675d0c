"""Who a mail is for, asked of auth-service each time and kept nowhere."""

from typing import Any, TypeVar
from uuid import UUID

import httpx
from pydantic import AwareDatetime, BaseModel, ValidationError

from notification_service.delivery.outage import Outage
from service_kit.service_client import ServiceClient, ServiceUnavailable

ModelT = TypeVar("ModelT", bound=BaseModel)


class Contact(BaseModel):
    email: str
    pending_email: str | None = None
    full_name: str | None = None
    locale: str = "en"
    is_active: bool = True
    is_verified: bool = False


class LinkToken(BaseModel):
    token: str
    expires_at: AwareDatetime


class Contacts:
    """Raises ServiceUnavailable where auth-service has no answer."""

    def __init__(self, client: ServiceClient, auth_service_url: str) -> None:
        self._client = client
        self._prefix = f"{auth_service_url}/api/v1"
        self._outage = Outage()

    async def find(self, user_id: UUID) -> Contact | None:
        """None if there is no such account, or none any more."""
        response = await self._request("GET", f"/users/{user_id}/contact")
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise ServiceUnavailable(f"contact answered {response.status_code}")
        return _read(Contact, response.content)

    async def mint_token(self, user_id: UUID, kind: str) -> LinkToken | None:
        """A token for the link in a mail; None if the account needs none (any more)."""
        response = await self._request(
            "POST", "/auth/links", json={"user_id": str(user_id), "kind": kind}
        )
        if response.status_code in (404, 409):
            return None
        if response.status_code != 201:
            raise ServiceUnavailable(f"links answered {response.status_code}")
        return _read(LinkToken, response.content)

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        if self._outage.is_on():
            raise ServiceUnavailable("auth-service was away a moment ago")
        try:
            return await self._client.request(method, f"{self._prefix}{path}", **options)
        except ServiceUnavailable:
            self._outage.begin()
            raise


def _read(model: type[ModelT], answer: bytes) -> ModelT:
    try:
        return model.model_validate_json(answer)
    except ValidationError:
        # Its message would quote the address.
        raise ServiceUnavailable(f"auth-service answered no {model.__name__}") from None
