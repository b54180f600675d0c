"""The Parterre under load: where its services are, and the accounts and events that a run makes there."""

import os
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests

from tests.load.verdict import Event, Json

# The demo's, so that nothing has to be said of a stack of ./scripts/up.
ORGANIZER = os.environ.get("LOAD_ORGANIZER", "organizer@example.com")
PASSWORD = os.environ.get("LOAD_PASSWORD", "parterre-demo-7x")
SIGNING_UP_AT_ONCE = 4
SECONDS = 30
ROW = 25


class NotPrepared(Exception):
    """Says in one line what is in the way, and what to do."""


@dataclass
class Account:
    email: str
    token: str


class Target:
    """``address`` is the gateway's, or event-service's, whose page says where auth-service is."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self.auth = self._find_auth()
        self.organizer = Account(ORGANIZER, "")
        self.events: list[Event] = []
        self._accounts: Iterator[Account] = iter(())

    def _find_auth(self) -> str:
        try:
            page = requests.get(f"{self.address}/", timeout=SECONDS).text
        except requests.RequestException as error:
            raise NotPrepared(f"{self.address} does not answer ({type(error).__name__})") from error
        found = re.search(r'<html[^>]* data-auth="([^"]*)"', page)
        if found is None:
            raise NotPrepared(
                f"{self.address} is not Parterre's page; give event-service or gateway"
            )
        return found[1].rstrip("/") or self.address

    def prepare(self, people: int, events: list[Json]) -> None:
        """Signs the organizer in, makes ``people`` accounts and publishes ``events``."""
        self.renew(self.organizer, "")
        with ThreadPoolExecutor(SIGNING_UP_AT_ONCE) as pool:
            self._accounts = iter(list(pool.map(lambda _: self._sign_up(), range(people))))
        # Two thousand people take longer than a token lives.
        self.renew(self.organizer, self.organizer.token)
        self.events = [self._publish(event) for event in events]

    def next_account(self) -> Account:
        """One that nobody else of this run has."""
        return next(self._accounts)

    def renew(self, account: Account, refused: str) -> None:
        """Signs in anew, unless somebody else has since the token ``refused`` was sent."""
        if account.token == refused:
            account.token = self._sign_in(account.email)

    def _sign_up(self) -> Account:
        email = f"load-{secrets.token_hex(8)}@example.com"
        body = {"email": email, "password": PASSWORD, "full_name": "Load Test"}
        self.ask("POST", f"{self.auth}/api/v1/auth/register", 201, json=body)
        return Account(email, self._sign_in(email))

    def _sign_in(self, email: str) -> str:
        form = {"username": email, "password": PASSWORD}
        signed_in = self.ask("POST", f"{self.auth}/api/v1/auth/login", 200, data=form)
        return str(signed_in["access_token"])

    def _publish(self, event: Json) -> Event:
        headers = {"Authorization": f"Bearer {self.organizer.token}"}
        events = f"{self.address}/api/v1/events"
        made = self.ask("POST", events, 201, json=event, headers=headers)
        self.ask("POST", f"{events}/{made['id']}/publish", 200, headers=headers)
        return Event(made["id"], made["capacity"], event["seating"]["kind"] == "assigned")

    def ask(self, method: str, url: str, expected: int, **options: Any) -> Json:
        """The answer's JSON; raises NotPrepared if its status is another, or if there is no answer."""
        try:
            answer = requests.request(method, url, timeout=SECONDS, **options)
        except requests.RequestException as error:
            raise NotPrepared(f"{url} does not answer ({type(error).__name__})") from error
        if answer.status_code == 429:
            raise NotPrepared(
                "rate limits are on; for a load test: RATE_LIMIT_ENABLED=false ./scripts/up -d"
            )
        if answer.status_code != expected:
            raise NotPrepared(
                f"{method} {url} answered {answer.status_code}: {answer.text[:200]}; LOAD_ORGANIZER and"
                " LOAD_PASSWORD name a verified account"
            )
        try:
            body: Json = answer.json()
        except ValueError as error:
            raise NotPrepared(f"{method} {url} answered no JSON") from error
        return body


def general(capacity: int) -> Json:
    return {"kind": "general", "capacity": capacity}


def hall(seats: int) -> Json:
    """Rows of up to ``ROW`` seats."""
    rows = [
        {"name": str(1 + first // ROW), "seats": min(ROW, seats - first)}
        for first in range(0, seats, ROW)
    ]
    return {"kind": "assigned", "sections": [{"name": "Stalls", "rows": rows}]}
