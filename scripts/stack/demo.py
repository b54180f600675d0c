"""Demo accounts and events, made through the same API that everybody uses."""

import email
import email.policy
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from stack.demo_events import EVENTS, DemoEvent
from stack.errors import StackError

PASSWORD = "parterre-demo-7x"
MAIL_SECONDS = 30.0
POLL_SECONDS = 0.05
TOKEN = re.compile(r"verify\?token=([A-Za-z0-9._~-]+)")

Json = dict[str, Any]


@dataclass(frozen=True)
class Account:
    role: str
    email: str
    full_name: str
    locale: str = "en"


ORGANIZER = Account("organizer", "organizer@example.com", "Olga Organizer")
GUEST = Account("guest", "guest@example.com", "Гость Гостев", "ru")
ADMIN = Account("superuser", "admin@example.com", "Ada Admin")
ACCOUNTS = (ORGANIZER, GUEST, ADMIN)


@dataclass(frozen=True)
class Addresses:
    """Where the services are, without the last slash."""

    auth: str
    event: str
    mailbox: str


def fill(
    addresses: Addresses, admin: Callable[[list[str]], None], say: Callable[[str], None]
) -> None:
    """Adds what is missing; a second time that is nothing. Raises StackError."""
    with httpx.Client(timeout=15) as http, explained():
        new = [account for account in ACCOUNTS if register(http, addresses, account)]
        for account in new:
            verify(http, addresses, account)
        if ADMIN in new:
            admin(["promote", ADMIN.email])
        organizer = sign_in(http, addresses, ORGANIZER)
        made = [make_event(http, addresses, organizer, event) for event in missing_events(
            http, addresses, organizer
        )]  # fmt: skip
        if GUEST in new and made:
            guest = sign_in(http, addresses, GUEST)
            for event in made[:2]:
                send(http, "POST", f"{addresses.event}/api/v1/bookings", guest,
                     json={"event_id": event["id"], "quantity": 2})  # fmt: skip
    if new or made:
        say(f"Added {len(new)} accounts and {len(made)} events.")


@contextmanager
def explained() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        raise StackError(f"Demo data could not be added: {type(error).__name__}.") from error


def send(
    http: httpx.Client, method: str, url: str, token: str | None = None, **options: Any
) -> httpx.Response:
    """The answer; waits as long as a rate limit says. Raises StackError on any other problem."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    while True:
        answer = http.request(method, url, headers=headers, **options)
        if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
            break
        time.sleep(int(answer.headers.get("Retry-After", "1")))
    if answer.is_error and answer.status_code != HTTPStatus.CONFLICT:
        problem = answer.json().get("detail", "") if answer.content else ""
        raise StackError(f"Demo data: {method} {url} answered {answer.status_code}: {problem}")
    return answer


def register(http: httpx.Client, addresses: Addresses, account: Account) -> bool:
    """Whether the account is new."""
    answer = send(
        http,
        "POST",
        f"{addresses.auth}/api/v1/auth/register",
        json={
            "email": account.email,
            "password": PASSWORD,
            "full_name": account.full_name,
            "locale": account.locale,
        },
    )
    return answer.status_code == HTTPStatus.CREATED


def verify(http: httpx.Client, addresses: Addresses, account: Account) -> None:
    """Reads the mail and follows its link, as a person would."""
    deadline = time.monotonic() + MAIL_SECONDS
    while True:
        found = http.get(
            f"{addresses.mailbox}/api/v2/search", params={"kind": "to", "query": account.email}
        ).json()
        for message in found["items"]:
            source = http.get(f"{addresses.mailbox}/api/v1/messages/{message['ID']}/download")
            token = TOKEN.search(text_of(source.content))
            if token:
                send(
                    http,
                    "POST",
                    f"{addresses.auth}/api/v1/auth/verify",
                    json={"token": token[1]},
                )
                return
        if time.monotonic() > deadline:
            raise StackError(f"The mail to {account.email} did not arrive; see var/log.")
        time.sleep(POLL_SECONDS)


def text_of(source: bytes) -> str:
    """The text part of a mail."""
    body = email.message_from_bytes(source, policy=email.policy.default).get_body(("plain",))
    return str(body.get_content()) if body else ""


def sign_in(http: httpx.Client, addresses: Addresses, account: Account) -> str:
    answer = send(
        http,
        "POST",
        f"{addresses.auth}/api/v1/auth/login",
        data={"username": account.email, "password": PASSWORD},
    )
    token: str = answer.json()["access_token"]
    return token


def missing_events(http: httpx.Client, addresses: Addresses, organizer: str) -> list[DemoEvent]:
    url = f"{addresses.event}/api/v1/events"
    listed = send(http, "GET", url, organizer, params={"organizer": "me", "limit": 100}).json()
    present = {event["title"] for event in listed["items"]}
    return [event for event in EVENTS if event.title not in present]


def make_event(http: httpx.Client, addresses: Addresses, organizer: str, event: DemoEvent) -> Json:
    url = f"{addresses.event}/api/v1/events"
    made: Json = send(http, "POST", url, organizer, json=request_body(event)).json()
    if event.is_published:
        send(http, "POST", f"{url}/{made['id']}/publish", organizer)
    return made


def request_body(event: DemoEvent) -> Json:
    day = datetime.now(ZoneInfo(event.timezone)) + timedelta(days=event.days_ahead)
    starts_at = day.replace(hour=event.hour, minute=0, second=0, microsecond=0)
    ends_at = starts_at + timedelta(hours=event.hours)
    return {
        "title": event.title,
        "description": event.description,
        "category": event.category,
        "venue": event.venue,
        "city": event.city,
        "timezone": event.timezone,
        "starts_at": starts_at.astimezone(UTC).isoformat(),
        "ends_at": ends_at.astimezone(UTC).isoformat(),
        "price": event.price,
        "currency": event.currency,
        "seating": event.seating,
    }
