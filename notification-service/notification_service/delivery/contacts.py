"""Who a mail is for, asked of auth-service each time and kept nowhere."""

import asyncio
from collections.abc import Collection
from typing import Any, TypeVar
from uuid import UUID

import httpx
from pydantic import AwareDatetime, BaseModel, ValidationError

from notification_service.delivery.outage import Outage
from service_kit.messaging.service_client import ServiceClient, ServiceUnavailable

# What auth-service answers at most.
CONTACTS_AT_ONCE = 100

ModelT = TypeVar("ModelT", bound=BaseModel)


class Contact(BaseModel):
    id: UUID
    email: str
    pending_email: str | None = None
    full_name: str | None = None
    locale: str = "en"
    is_active: bool = True
    is_verified: bool = False


class ContactList(BaseModel):
    """Who has no account, or none any more, is not in it."""

    contacts: list[Contact]


class LinkToken(BaseModel):
    token: str
    expires_at: AwareDatetime


class Contacts:
    """Raises ServiceUnavailable where auth-service has no answer."""

    def __init__(self, client: ServiceClient, auth_service_url: str) -> None:
        self._client = client
        self._prefix = f"{auth_service_url}/api/v1"
        self._outage = Outage()
        self._takes_many = True

    async def find(self, user_id: UUID) -> Contact | None:
        """None if there is no such account, or none any more."""
        response = await self._request("GET", f"/users/{user_id}/contact")
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise ServiceUnavailable(f"contact answered {response.status_code}")
        return _read(Contact, response.content)

    async def find_many(self, user_ids: Collection[UUID]) -> dict[UUID, Contact | None]:
        """Several at once, which costs both sides about as much as one."""
        asked = list(user_ids)
        found: dict[UUID, Contact | None] = {}
        for first in range(0, len(asked), CONTACTS_AT_ONCE):
            found |= await self._find_some(asked[first : first + CONTACTS_AT_ONCE])
        return found

    async def _find_some(self, user_ids: Collection[UUID]) -> dict[UUID, Contact | None]:
        if not self._takes_many:
            found_singly = await asyncio.gather(*map(self.find, user_ids))
            return dict(zip(user_ids, found_singly, strict=True))
        body = {"ids": [str(user_id) for user_id in user_ids]}
        response = await self._request("POST", "/users/contacts", json=body)
        if response.status_code in (404, 405):
            # An auth-service that is older than this worker.
            self._takes_many = False
            return await self._find_some(user_ids)
        if response.status_code != 200:
            raise ServiceUnavailable(f"contacts answered {response.status_code}")
        found = {contact.id: contact for contact in _read(ContactList, response.content).contacts}
        return {user_id: found.get(user_id) for user_id in user_ids}

    async def mint_token(self, user_id: UUID, kind: str, *, address: str) -> LinkToken | None:
        """A token for the link in a mail to ``address``; None if the account needs none (any more)."""
        response = await self._request(
            "POST", "/auth/links", json={"user_id": str(user_id), "kind": kind, "email": address}
        )
        if response.status_code == 409 and response.json()["type"].endswith(":address-changed"):
            # Since it was asked for, a moment ago: the next attempt asks again.
            raise ServiceUnavailable("the address has changed")
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
