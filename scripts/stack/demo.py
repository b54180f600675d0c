"""Demo accounts, events and bookings, made through the same API that everybody uses."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from service_kit.timezones import use_pinned_rules
from stack.demo_events import EVENTS, DemoEvent, Json
from stack.errors import StackError
from stack.process_group import Say

PASSWORD = "parterre-demo-7x"
# Rate limits count by the minute; a longer wait is not worth it.
MAX_WAIT_SECONDS = 90.0

# What the guest has booked: so many places, or so many seats side by side.
BOOKINGS = {"Jazz in the Courtyard": 2, "Балет «Щелкунчик»": 3, "Python Meetup": 1}

UNCHANGED_FIELDS = """
    title description category venue city timezone price currency seating
""".split()

use_pinned_rules()

Admin = Callable[[list[str]], None]


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


@dataclass(frozen=True)
class Api:
    http: httpx.Client
    addresses: Addresses
    say: Say

    def auth(self, method: str, path: str, token: str = "", **options: Any) -> httpx.Response:
        return self._send(method, f"{self.addresses.auth}/api/v1{path}", token, **options)

    def event(self, method: str, path: str, token: str, **options: Any) -> httpx.Response:
        return self._send(method, f"{self.addresses.event}/api/v1{path}", token, **options)

    def every(self, path: str, token: str, **query: Any) -> Iterator[Json]:
        """All items of a list of event-service, page by page."""
        query["limit"] = 100
        while True:
            page = self.event("GET", path, token, params=query).json()
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def _send(
        self, method: str, url: str, token: str, *, accept: int = HTTPStatus.OK, **options: Any
    ) -> httpx.Response:
        """The answer; waits as long as a rate limit says. Raises StackError on a problem whose
        status is not ``accept``."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while True:
            answer = self.http.request(method, url, headers=headers, **options)
            if answer.is_success or answer.status_code == accept:
                return answer
            if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                status = f"{answer.status_code}{_detail(answer)}"
                raise StackError(f"Demo: {method} {url} answered {status}")
            header = answer.headers.get("Retry-After", "")
            seconds = max(int(header), 1) if header.isdecimal() else 1
            message = f"{answer.url} takes no more requests for {seconds} s"
            if time.monotonic() + seconds > deadline:
                raise StackError(f"Demo: {message}; try again.")
            self.say(f"{message}; waiting ...")
            time.sleep(seconds)


def _detail(answer: httpx.Response) -> str:
    if "json" not in answer.headers.get("Content-Type", ""):
        return "."
    problem = answer.json()
    fields = [f"{e.get('field')}: {e.get('message')}" for e in problem.get("errors", [])]
    return ": " + "; ".join([str(problem.get("detail", "")), *fields])


def fill(addresses: Addresses, admin: Admin, say: Say) -> list[Account]:
    """Adds what is missing, also what an interrupted run has left out; nothing if all is there.
    The accounts that can be signed in to with ``PASSWORD``. Raises StackError."""
    with errors_in_one_line(), httpx.Client(timeout=15) as http:
        api = Api(http, addresses, say)
        new = [account for account in ACCOUNTS if register(api, account)]
        if new:
            admin(["verify", *(account.email for account in new)])
        tokens = {}
        for account in ACCOUNTS:
            token = verified_token(api, account, admin)
            if token:
                tokens[account] = token
            else:
                say(f"{account.email} has another password by now; it is left as it is.")
        events = booked = 0
        if ORGANIZER in tokens:
            present, events = add_events(api, tokens[ORGANIZER])
            if GUEST in tokens:
                booked = add_bookings(api, tokens[GUEST], present)
    if new or events or booked:
        say(f"Added {len(new)} accounts, {events} events and {booked} bookings.")
    return list(tokens)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Raises StackError in place of what else a request, a command or an answer raises."""
    try:
        yield
    except httpx.HTTPError as error:
        why = str(error) or type(error).__name__
        raise StackError(f"Demo: {error.request.method} {error.request.url}: {why}") from error
    except subprocess.CalledProcessError as error:
        raise StackError(f"Demo: the command for accounts failed: {error}") from error
    except (ValueError, KeyError) as error:
        raise StackError(f"Demo: an answer has another form than expected: {error!r}") from error


def register(api: Api, account: Account) -> bool:
    """Whether the account is new."""
    body = {name: getattr(account, name) for name in ("email", "full_name", "locale")}
    body["password"] = PASSWORD
    answer = api.auth("POST", "/auth/register", json=body, accept=HTTPStatus.CONFLICT)
    return answer.status_code == HTTPStatus.CREATED


def verified_token(api: Api, account: Account, admin: Admin) -> str | None:
    """A token of the account, verified and with its role; None if its password is another. By the
    command and not by a mail: mails may go anywhere, or nowhere at the moment."""
    token = sign_in(api, account)
    if token is None:
        return None
    profile = api.auth("GET", "/users/me", token=token).json()
    if not profile["is_verified"]:
        admin(["verify", account.email])
    if account is ADMIN and not profile["is_superuser"]:
        admin(["promote", account.email])
    # An older token would still say that the address is not verified.
    return token if profile["is_verified"] else sign_in(api, account)


def sign_in(api: Api, account: Account) -> str | None:
    form = {"username": account.email, "password": PASSWORD}
    answer = api.auth("POST", "/auth/login", data=form, accept=HTTPStatus.BAD_REQUEST)
    return str(answer.json()["access_token"]) if answer.is_success else None


def add_events(api: Api, token: str) -> tuple[dict[str, Json], int]:
    """The organizer's events by title, and how many of them are new."""
    present = {event["title"]: event for event in api.every("/events", token, organizer="me")}
    missing = [event for event in EVENTS if event.title not in present]
    for event in missing:
        answer = api.event("POST", "/events", token, json=request_body(event))
        present[event.title] = answer.json()
    for event in EVENTS:
        if event.is_published and present[event.title]["status"] == "draft":
            api.event("POST", f"/events/{present[event.title]['id']}/publish", token)
    return present, len(missing)


def request_body(event: DemoEvent) -> Json:
    day = datetime.now(ZoneInfo(event.timezone)) + timedelta(days=event.days_ahead)
    starts_at = day.replace(hour=event.hour, minute=0, second=0, microsecond=0)
    ends_at = starts_at + timedelta(hours=event.hours)
    return {name: getattr(event, name) for name in UNCHANGED_FIELDS} | {
        "starts_at": starts_at.astimezone(UTC).isoformat(),
        "ends_at": ends_at.astimezone(UTC).isoformat(),
    }


def add_bookings(api: Api, token: str, events: dict[str, Json]) -> int:
    """How many are new. What the guest has cancelled is not booked again."""
    booked = {booking["event_id"] for booking in api.every("/bookings", token)}
    missing = [(events[t], n) for t, n in BOOKINGS.items() if events[t]["id"] not in booked]
    return sum(book(api, token, event, number) for event, number in missing)


def book(api: Api, token: str, event: Json, number: int) -> bool:
    """False if the event is over, cancelled or full by now."""
    body: Json = {"event_id": event["id"], "quantity": number}
    if event["seating"] == "assigned":
        seat_map = api.event("GET", f"/events/{event['id']}/seats", token).json()
        body = {"event_id": event["id"], "seat_ids": seats_together(seat_map, number)}
        if not body["seat_ids"]:
            return False
    answer = api.event("POST", "/bookings", token, json=body, accept=HTTPStatus.CONFLICT)
    return answer.is_success


def is_offered(seat: Json) -> bool:
    return bool(seat["state"] == "free" and seat["kind"] == "standard")


def seats_together(seat_map: Json, number: int) -> list[str]:
    """Free seats side by side, as near to the middle of a row as there are; else none."""
    for section in seat_map["sections"]:
        for row in section["rows"]:
            seats = row["seats"]
            middle = (len(seats) - number) / 2
            for first in sorted(range(len(seats) - number + 1), key=lambda at: abs(at - middle)):
                chosen = seats[first : first + number]
                is_together = chosen[-1]["column"] - chosen[0]["column"] == number - 1
                if is_together and all(is_offered(seat) for seat in chosen):
                    return [seat["id"] for seat in chosen]
    return []
