"""One person of the load: an account, a keep-alive connection over TLS, and a note of each request."""

import json
import ssl
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from io import TextIOWrapper
from typing import Any

import httpx

from tests.system.deployment.records import OK, Request

Json = dict[str, Any]
PASSWORD = "correct-horse-7-battery"
# Longer than any limit of the gateway: a request that it gives up is seen as its answer.
ANSWER_SECONDS = 45.0
DETAIL_CHARACTERS = 120


@dataclass(frozen=True)
class Target:
    """``address``: host and port that are connected to; ``name``: the host that is asked for, in TLS
    and in the Host header; ``authority``: a file with the certificate that signed the gateway's."""

    address: str
    name: str
    authority: str

    def client(self) -> httpx.AsyncClient:
        """A client with one connection, which it keeps."""
        context = ssl.create_default_context(cafile=self.authority)
        limits = httpx.Limits(max_connections=1, keepalive_expiry=None)
        client = httpx.AsyncClient(
            base_url=f"https://{self.address}",
            verify=context,
            limits=limits,
            timeout=ANSWER_SECONDS,
        )
        client.headers["Host"] = self.name
        return client


class WrongAnswer(Exception):
    """The answer is not what it must be; says why."""


@dataclass
class Person:
    """``bookings``: id to booking, as last answered."""

    email: str
    http: httpx.AsyncClient
    name: str
    notes: TextIOWrapper | None = None
    refresh_token: str = ""
    bookings: dict[str, Json] = field(default_factory=dict)

    async def ask(
        self,
        kind: str,
        method: str,
        path: str,
        *,
        expect: Collection[int] = (200,),
        check: Callable[[httpx.Response], bool] = lambda _: True,
        **options: Any,
    ) -> httpx.Response | None:
        """The answer, or None where the request has failed: no answer, another status than those
        expected, or an answer that ``check`` finds wrong. Either way it is noted."""
        at, answer, outcome = time.monotonic(), None, OK
        try:
            answer = await self._send(method, path, **options)
            if answer.status_code not in expect:
                outcome = f"{answer.status_code} {answer.text[:DETAIL_CHARACTERS]!r}"
            elif not check(answer):
                outcome = f"wrong answer {answer.text[:DETAIL_CHARACTERS]!r}"
        except (httpx.HTTPError, OSError) as error:
            outcome = f"{type(error).__name__} {error}"[:DETAIL_CHARACTERS]
        except (ValueError, KeyError, TypeError) as error:
            outcome = f"unreadable answer: {error!r}"[:DETAIL_CHARACTERS]
        if self.notes is not None:
            request = Request(at, time.monotonic() - at, kind, outcome)
            self.notes.write(json.dumps(asdict(request)) + "\n")
        return answer if outcome == OK else None

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        names = {"sni_hostname": self.name.partition(":")[0]}
        return await self.http.request(method, path, extensions=names, **options)

    async def must(self, method: str, path: str, status: int, **options: Any) -> Any:
        """For the preparation: the answer's JSON. Raises WrongAnswer."""
        answer = await self._send(method, path, **options)
        if answer.status_code != status:
            raise WrongAnswer(f"{method} {path} {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    async def register(self) -> None:
        body = {"email": self.email, "password": PASSWORD, "full_name": "Nadia Needle"}
        await self.must("POST", "/api/v1/auth/register", 201, json=body)

    async def sign_in(self) -> None:
        form = {"username": self.email, "password": PASSWORD}
        self.use(await self.must("POST", "/api/v1/auth/login", 200, data=form))

    def use(self, tokens: Json) -> None:
        """Tokens of a sign-in or of a refresh."""
        self.refresh_token = tokens["refresh_token"]
        self.http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
