"""What the smoke test sends to the three services, and how it reads their answers."""

import json
import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

API = "/api/v1"
REQUEST_SECONDS = 10.0
READY_SECONDS = 5.0
READY_PAUSE_SECONDS = 0.25

Json = dict[str, Any]


class SmokeFailed(Exception):
    """The message says in one line which request failed, and how."""


class Service:
    """One service at an address: a candidate's own, or that of the running one.

    ``host`` is sent as the Host header where the address has a name that the service does not serve, as
    a candidate's container has. Every request has ``request_id``, by which the service's log shows it.
    """

    def __init__(self, name: str, url: str, *, token: str, allowed_hosts: tuple[str, ...]) -> None:
        self.name = name
        self.request_id = f"smoke-{uuid4().hex[:12]}"
        headers = {
            "Authorization": f"Bearer {token}",
            "X-Request-ID": self.request_id,
            "User-Agent": "parterre-smoke",
        }
        host = host_header(url, allowed_hosts)
        if host is not None:
            headers["Host"] = host
        # Not by a proxy that the environment names: these are addresses of containers.
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"), headers=headers, timeout=REQUEST_SECONDS, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def ask(self, method: str, path: str, expected: int = 200, **options: Any) -> Json:
        """The JSON of an answer. Raises SmokeFailed for another status, or for anything but an object."""
        response = await self.send(method, path, expected, **options)
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise self.failure(method, path, "answered with something else than JSON")
        return body

    async def send(
        self, method: str, path: str, expected: int = 200, **options: Any
    ) -> httpx.Response:
        """Raises SmokeFailed for another status than ``expected``, and if nobody answers in time."""
        try:
            response = await self._http.request(method, path, **options)
        except httpx.TimeoutException:
            raise self.failure(method, path, f"gave no answer in {REQUEST_SECONDS:.0f} s") from None
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise self.failure(method, path, f"cannot be reached ({reason})") from None
        if response.status_code != expected:
            raise self.failure(method, path, f"answered {response.status_code}{explain(response)}")
        return response

    def failure(self, method: str, path: str, reason: str) -> SmokeFailed:
        return SmokeFailed(
            f"{self.name}: {method} {path.partition('?')[0]} {reason} (request id {self.request_id})"
        )

    async def wait_until_ready(self, sleep: Any) -> None:
        """Raises SmokeFailed if it does not become ready in ``READY_SECONDS``."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                await self.send("GET", "/health/ready")
                return
            except SmokeFailed:
                if time.monotonic() >= deadline:
                    raise
            await sleep(READY_PAUSE_SECONDS)


def host_header(url: str, allowed_hosts: tuple[str, ...]) -> str | None:
    """The Host to send to ``url``; None if its own is served, as ``ALLOWED_HOSTS`` says."""
    own = (urlsplit(url).hostname or "").lower()
    hosts = [host.lower() for host in allowed_hosts]
    if own in hosts or "*" in hosts or not hosts:
        return None
    return hosts[0]


def explain(response: httpx.Response) -> str:
    """The last word of a problem's type and its detail, as ``: sold-out (Not enough ...)``."""
    try:
        problem = json.loads(response.content)
        kind = str(problem["type"]).removeprefix("urn:problem:")
        detail = problem.get("detail") or ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return f": {kind} ({detail})" if detail else f": {kind}"
