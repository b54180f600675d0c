"""Who uses the whole system: people with accounts, the mailbox that their mails reach, an organizer."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from stack.stack import Stack
from tests.event_bodies import event_body
from tests.system.verification import TOKEN, text_of

PASSWORD = "correct-horse-7-battery"
# An access token lives 15 minutes, and the tests of the whole system go on for longer.
SIGNED_IN_SECONDS = 600.0
Json = dict[str, Any]


@dataclass
class Mailbox:
    url: str

    def sources(self, recipient: str) -> list[bytes]:
        """The raw mails to somebody, oldest first."""
        found = httpx.get(
            f"{self.url}/api/v2/search", params={"kind": "to", "query": recipient, "limit": 250}
        ).json()
        return [
            httpx.get(f"{self.url}/api/v1/messages/{message['ID']}/download").content
            for message in reversed(found["items"])
        ]

    def count(self) -> int:
        total: int = httpx.get(f"{self.url}/api/v2/messages?limit=1").json()["total"]
        return total

    def wait_for(self, recipient: str, number: int, *, seconds: float = 20.0) -> list[bytes]:
        mails: list[bytes] = wait_until(
            lambda: found if len(found := self.sources(recipient)) >= number else None,
            seconds=seconds,
            what=f"{number} mails to {recipient}",
        )
        return mails


def wait_until(condition: Callable[[], Any], *, seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def mailbox(stack: Stack) -> Mailbox:
    return Mailbox(stack.url("mailbox"))


class Person:
    """Somebody with an account, over real HTTP."""

    def __init__(self, stack: Stack, mailbox: Mailbox, email: str) -> None:
        self.email = email
        self._stack = stack
        self._mailbox = mailbox
        self.http = httpx.Client(timeout=15)
        self._signed_in_at: float | None = None

    def url(self, path: str) -> str:
        first = path.split("/")[1]
        service = {"auth": "auth", "users": "auth", "notifications": "notification"}
        return f"{self._stack.url(service.get(first, 'event'))}/api/v1{path}"

    def send(self, method: str, path: str, expect: int | None = None, **options: Any) -> Any:
        since = self._signed_in_at
        if since is not None and time.monotonic() - since > SIGNED_IN_SECONDS:
            self.sign_in()
        answer = self.http.request(method, self.url(path), **options)
        if expect is not None:
            assert answer.status_code == expect, (method, path, answer.status_code, answer.text)
        return answer

    def register(self, **more: Any) -> None:
        body = {"email": self.email, "password": PASSWORD, "full_name": "Nadia Needle", **more}
        self.send("POST", "/auth/register", 201, json=body)

    def verify(self) -> None:
        (mail,) = self._mailbox.wait_for(self.email, 1)
        token = TOKEN.search(text_of(mail))
        assert token, mail
        self.send("POST", "/auth/verify", 200, json={"token": token[1]})

    def sign_in(self) -> None:
        self._signed_in_at = None
        form = {"username": self.email, "password": PASSWORD}
        answer = self.send("POST", "/auth/login", 200, data=form).json()
        self.token = answer["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"
        self._signed_in_at = time.monotonic()

    def book(self, event: Json, quantity: int = 1, **headers: str) -> httpx.Response:
        body = {"event_id": event["id"], "quantity": quantity}
        answer: httpx.Response = self.send("POST", "/bookings", json=body, headers=headers)
        return answer


@pytest.fixture(scope="session")
def person(stack: Stack, mailbox: Mailbox) -> Iterator[Callable[..., Person]]:
    made: list[Person] = []

    def make(name: str, *, verified: bool = True, signed_in: bool = True, **more: Any) -> Person:
        someone = Person(stack, mailbox, f"{name}-{len(made)}@example.com")
        made.append(someone)
        someone.register(**more)
        if verified:
            someone.verify()
        if signed_in:
            someone.sign_in()
        return someone

    yield make
    for someone in made:
        someone.http.close()


@pytest.fixture(scope="session")
def organizer(person: Callable[..., Person]) -> Person:
    return person("organizer")


def publish(organizer: Person, **changes: Any) -> Json:
    seating = {"kind": "general", "capacity": 50}
    body = event_body(**{"title": "System test", "seating": seating} | changes)
    event = organizer.send("POST", "/events", 201, json=body).json()
    published: Json = organizer.send("POST", f"/events/{event['id']}/publish", 200).json()
    return published
