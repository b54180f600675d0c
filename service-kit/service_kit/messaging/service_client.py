"""How a service speaks to another: REST with a token of its own, by client credentials."""

import asyncio
import time
from typing import Any

import httpx
import structlog

from service_kit.settings import ServiceSettings

RENEW_SECONDS_BEFORE_END = 60


class ServiceUnavailable(Exception):
    """Another service did not answer, or answered that it cannot."""


class ServiceClient:
    """An HTTP client that carries this service's token and the current request id."""

    def __init__(self, settings: ServiceSettings, http: httpx.AsyncClient) -> None:
        self._auth_service_url = settings.auth_service_url
        self._credentials = httpx.BasicAuth(
            settings.service_client_id, settings.service_client_secret.get_secret_value()
        )
        self._http = http
        self._token = ""
        self._renew_at = 0.0
        self._lock = asyncio.Lock()

    async def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """The answer, whatever its status below 500. Raises ServiceUnavailable."""
        response = await self._send(method, url, **options)
        if response.status_code == 401:
            # The key may have been withdrawn: once more with a new token.
            self._renew_at = 0.0
            response = await self._send(method, url, **options)
        if response.status_code >= 500 or response.status_code in (401, 429):
            raise ServiceUnavailable(f"{method} {url} answered {response.status_code}")
        return response

    async def _send(self, method: str, url: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {await self._fresh_token()}"}
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            headers["X-Request-ID"] = str(request_id)
        try:
            return await self._http.request(method, url, headers=headers, **options)
        except httpx.HTTPError as error:
            raise ServiceUnavailable(f"{method} {url}: {type(error).__name__}") from error

    async def _fresh_token(self) -> str:
        async with self._lock:
            if time.monotonic() >= self._renew_at:
                await self._fetch_token()
            return self._token

    async def _fetch_token(self) -> None:
        try:
            response = await self._http.post(
                f"{self._auth_service_url}/api/v1/auth/token",
                data={"grant_type": "client_credentials"},
                auth=self._credentials,
            )
            response.raise_for_status()
            answer = response.json()
            token, seconds = str(answer["access_token"]), float(answer["expires_in"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ServiceUnavailable(f"no service token: {type(error).__name__}") from error
        self._token = token
        self._renew_at = time.monotonic() + seconds - RENEW_SECONDS_BEFORE_END
