"""Contact data of users: asked of auth-service when it is needed, and stored nowhere else."""

import asyncio
from collections.abc import Collection
from typing import Any, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from service_kit.circuit_breaker import CircuitBreaker
from service_kit.messaging.service_client import ServiceClient, ServiceUnavailable

# The limit of auth-service's route.
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
    """Users without an account (any more) are missing."""

    contacts: list[Contact]


class ContactClient:
    """Its methods raise ServiceUnavailable if auth-service does not answer as it should.

    ``timeout_seconds``: of one request; None for the time that the HTTP client waits.
    """

    def __init__(
        self, client: ServiceClient, auth_service_url: str, *, timeout_seconds: float | None = None
    ) -> None:
        self._client = client
        self._prefix = f"{auth_service_url}/api/v1"
        self._options = {} if timeout_seconds is None else {"timeout": timeout_seconds}
        self._breaker = CircuitBreaker("auth-service")
        self._has_batch_route = True

    async def find(self, user_id: UUID) -> Contact | None:
        """None if there is no such account (any more)."""
        response = await self._request("GET", f"/users/{user_id}/contact")
        if problem_code(response) == "not-found":
            return None
        if response.status_code != 200:
            raise ServiceUnavailable(f"contact answered {response.status_code}")
        return read_answer(Contact, response.content)

    async def find_many(self, user_ids: Collection[UUID]) -> dict[UUID, Contact | None]:
        """Many users in one request per ``CONTACTS_AT_ONCE``."""
        ids = list(user_ids)
        contacts_by_user: dict[UUID, Contact | None] = {}
        for first in range(0, len(ids), CONTACTS_AT_ONCE):
            contacts_by_user |= await self._find_batch(ids[first : first + CONTACTS_AT_ONCE])
        return contacts_by_user

    async def _find_batch(self, user_ids: Collection[UUID]) -> dict[UUID, Contact | None]:
        if not self._has_batch_route:
            contacts = await asyncio.gather(*map(self.find, user_ids))
            return dict(zip(user_ids, contacts, strict=True))
        body = {"ids": [str(user_id) for user_id in user_ids]}
        response = await self._request("POST", "/users/contacts", json=body)
        if response.status_code in (404, 405):
            # Auth-service is of an older release than this process.
            self._has_batch_route = False
            return await self._find_batch(user_ids)
        if response.status_code != 200:
            raise ServiceUnavailable(f"contacts answered {response.status_code}")
        known = {
            contact.id: contact for contact in read_answer(ContactList, response.content).contacts
        }
        return {user_id: known.get(user_id) for user_id in user_ids}

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        if not self._breaker.allow():
            raise ServiceUnavailable("auth-service was unavailable a moment ago")
        try:
            response = await self._client.request(
                method, f"{self._prefix}{path}", **self._options, **options
            )
        except ServiceUnavailable:
            self._breaker.record_failure()
            raise
        self._breaker.record_success()
        return response


def problem_code(response: httpx.Response) -> str | None:
    """The last word of a problem's type (RFC 9457). None if auth-service did not write the answer: a 404
    of something else in its place must not look like an erased account."""
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        return str(response.json()["type"]).rpartition(":")[2]
    except (ValueError, KeyError, TypeError):
        return None


def read_answer(model: type[ModelT], answer: bytes) -> ModelT:
    """Raises ServiceUnavailable for what is no ``model``."""
    try:
        return model.model_validate_json(answer)
    except ValidationError:
        # Its message would quote the address.
        raise ServiceUnavailable(f"auth-service answered no {model.__name__}") from None
