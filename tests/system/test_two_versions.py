"""Processes of the release before and of this one on one database, as during a deployment and after a
rollback: requests go to either in turn, and messages of either reach the mails of the other."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stack import previous_release, programs
from stack.ports import LOOPBACK, free_port
from stack.previous_release import NoPreviousRelease
from stack.process_group import ProcessGroup
from stack.services import SERVICES
from stack.stack import ROOT, Stack
from tests.system.conftest import PASSWORD, Mailbox, Person, publish, wait_until

MakePerson = Callable[..., Person]
APIS = [service.name for service in SERVICES]
RELAYS, WORKER = ("auth-relay", "event-relay"), "notification-worker"


class Release:
    """The APIs of one release, by service."""

    def __init__(self, urls: dict[str, str]) -> None:
        self._urls = urls

    def url(self, service: str) -> str:
        return self._urls[service]


class OldRelease(ProcessGroup):
    """Processes of the release before, on the servers of a stack that runs. The APIs have ports of their
    own."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._tree = folder / "tree"
        commit = previous_release.find_release(ROOT, os.environ.get(previous_release.VARIABLE, ""))
        previous_release.export(ROOT, commit, self._tree)
        super().__init__(folder, cwd=self._tree)
        ports = stack.ports | {name: free_port() for name in APIS}
        self._programs = {
            program.name: replace(
                program,
                environment=previous_release.environment(self._tree, program.environment)
                | ({"PORT": str(ports[program.name])} if program.name in APIS else {}),
            )
            for program in programs.services(stack.environments, ports, folder)
        }
        self.apis = Release({name: f"http://{LOOPBACK}:{ports[name]}" for name in APIS})

    def start_apis(self) -> None:
        self.start_all([self._programs[name] for name in APIS])

    @contextmanager
    def running(self, *names: str) -> Iterator[None]:
        """Beside the APIs, for the time of a block."""
        self.start_all([self._programs[name] for name in names])
        try:
            yield
        finally:
            for name in names:
                self.processes[name].stop()


@pytest.fixture(scope="module")
def old(stack: Stack) -> Iterator[OldRelease]:
    with tempfile.TemporaryDirectory(prefix="parterre-before-") as name:
        try:
            release = OldRelease(stack, Path(name))
        except NoPreviousRelease as reason:
            pytest.skip(f"the release before cannot be had: {reason}")
        try:
            release.start_apis()
            yield release
        finally:
            release.stop()


class Alternating:
    """A person whose requests go to the new and the old release in turn."""

    def __init__(self, person: Person, *releases: Release | Stack) -> None:
        self._person = person
        self._releases = releases
        self._asked = 0

    def send(self, method: str, path: str, expect: int = 200, **options: Any) -> Any:
        release = self._releases[self._asked % len(self._releases)]
        self._asked += 1
        first = path.partition("?")[0].split("/")[1]
        service = {"auth": "auth", "users": "auth", "notifications": "notification"}
        url = f"{release.url(service.get(first, 'event'))}/api/v1{path}"
        answer = self._person.http.request(method, url, **options)
        assert answer.status_code == expect, (method, url, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def sign_in(self) -> str:
        """Returns the refresh token."""
        form = {"username": self._person.email, "password": PASSWORD}
        tokens = self.send("POST", "/auth/login", data=form)
        self._person.http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return str(tokens["refresh_token"])


@pytest.fixture(params=["old first", "new first"])
def releases(request: pytest.FixtureRequest, stack: Stack, old: OldRelease) -> list[Any]:
    """Each step of a test goes to the one in one run and to the other in the other."""
    return [old.apis, stack] if request.param == "old first" else [stack, old.apis]


def test_the_processes_are_of_the_release_before(stack: Stack, old: OldRelease) -> None:
    """Else all that follows would be no test."""
    for name in APIS:
        process = old.processes[name]
        environment = Path(f"/proc/{process.pid}/environ").read_bytes().decode().split("\0")
        assert any(line.startswith("PYTHONPATH=/") and "/tree/" in line for line in environment)
        assert old.apis.url(name) != stack.url(name)


def test_sessions_and_tokens_of_one_are_those_of_the_other(
    person: MakePerson, releases: list[Any]
) -> None:
    somebody = Alternating(person("two-sessions", signed_in=False), *releases)
    refresh_token = somebody.sign_in()
    for _ in range(2):
        assert somebody.send("GET", "/users/me")["is_verified"] is True
        assert somebody.send("GET", "/bookings")["items"] == []
        assert somebody.send("GET", "/notifications")["items"]
    for _ in range(2):
        tokens = somebody.send("POST", "/auth/refresh", json={"refresh_token": refresh_token})
        refresh_token = tokens["refresh_token"]
    body = {"refresh_token": refresh_token}
    somebody.send("POST", "/auth/logout", 204, json=body)
    refused = somebody.send("POST", "/auth/refresh", 401, json=body)
    assert refused["type"] == "urn:problem:refresh-invalid"


def test_an_event_is_made_changed_and_booked_by_both(
    person: MakePerson, releases: list[Any]
) -> None:
    organizer = person("two-organizer")
    event = publish(organizer, title="Two releases", seating={"kind": "general", "capacity": 12})
    one = Alternating(organizer, *releases)
    guest = Alternating(person("two-guest"), *releases)
    path = f"/events/{event['id']}"
    for number in range(4):
        # What one has cached, the other makes stale.
        title = f"Two releases {number}"
        assert guest.send("GET", path)["title"] != title
        assert guest.send("GET", path)["title"] != title
        one.send("PATCH", path, json={"title": title})
        assert guest.send("GET", path)["title"] == title
        assert guest.send("GET", path)["title"] == title
    body = {"event_id": event["id"], "quantity": 2}
    bookings = []
    for number in range(2):
        # Booked by one; the other has the same key answered with the same booking.
        key = {"Idempotency-Key": f"two-{event['id']}-{number}"}
        booked = guest.send("POST", "/bookings", 201, json=body, headers=key)
        again = guest.send("POST", "/bookings", 201, json=body, headers=key)
        assert again["id"] == booked["id"] and again["seats"] == booked["seats"]
        bookings.append(booked)
        # So that the next one is booked by the other.
        assert guest.send("GET", f"/bookings/{booked['id']}")["seats"] == booked["seats"]
    for number in range(2):
        held = guest.send("POST", "/bookings", 201, json=body | {"hold": True})
        if number:
            guest.send("GET", "/bookings")
        assert guest.send("POST", f"/bookings/{held['id']}/confirm")["status"] == "confirmed"
        bookings.append(held)
    numbers = {"capacity": 12, "available": 4, "held": 0, "booked": 8}
    assert guest.send("GET", f"{path}/availability") == numbers
    assert guest.send("GET", f"{path}/availability") == numbers
    for booking in bookings[:3]:
        ended = guest.send("POST", f"/bookings/{booking['id']}/cancel")
        assert ended["status"] == "cancelled"
    assert guest.send("GET", f"{path}/availability")["available"] == 10
    one.send("POST", f"{path}/cancel", json={"reason": "both"})
    assert guest.send("GET", path)["status"] == "cancelled"
    assert guest.send("GET", path)["status"] == "cancelled"


def test_a_hall_is_booked_by_both(person: MakePerson, releases: list[Any]) -> None:
    rows = [{"name": "A", "seats": 8}, {"name": "B", "seats": "ssaa_xss"}]
    seating = {"kind": "assigned", "sections": [{"name": "Stalls", "rows": rows}]}
    event = publish(person("two-hall"), title="Two halls", seating=seating)
    guest = Alternating(person("two-seats"), *releases)
    maps = [guest.send("GET", f"/events/{event['id']}/seats") for _ in range(2)]
    for row in (row for one in maps for section in one["sections"] for row in section["rows"]):
        # The release before does not say it.
        row.pop("columns", None)
    assert maps[0] == maps[1]
    seats = [seat["id"] for seat in maps[0]["sections"][0]["rows"][0]["seats"]]
    for number in range(3):
        chosen = {"event_id": event["id"], "seat_ids": [seats[number]]}
        guest.send("POST", "/bookings", 201, json=chosen)
        # The other one sees that it is taken.
        refused = guest.send("POST", "/bookings", 409, json=chosen)
        assert refused["type"] == "urn:problem:seats-unavailable"
        guest.send("POST", "/bookings", 201, json={"event_id": event["id"], "quantity": 1})
    states = [guest.send("GET", f"/events/{event['id']}/availability") for _ in range(2)]
    assert states[0] == states[1] and states[0]["booked"] == 6


@pytest.mark.parametrize(
    ("new_ones_away", "old_ones"),
    [
        # Messages of the new release are sent by the old worker, which asks the new auth-service.
        ([WORKER], [WORKER]),
        # Messages of either API are published by the old relays to the new worker.
        ([*RELAYS], [*RELAYS]),
    ],
    ids=["old worker", "old relays"],
)
def test_messages_of_one_are_sent_by_the_other(
    stack: Stack,
    old: OldRelease,
    person: MakePerson,
    mailbox: Mailbox,
    new_ones_away: list[str],
    old_ones: list[str],
) -> None:
    organizer, guest = person("two-sender"), person("two-reader")
    event = publish(organizer, title="Two queues")
    with ExitStack() as away:
        for name in new_ones_away:
            away.enter_context(stack.without(name))
        away.enter_context(old.running(*old_ones))
        before = len(mailbox.sources(guest.email))
        ids = []
        for release in (old.apis, stack):
            client = Alternating(guest, release)
            body = {"event_id": event["id"], "quantity": 1}
            ids.append(client.send("POST", "/bookings", 201, json=body)["id"])
        client.send("POST", f"/bookings/{ids[0]}/cancel")
        Alternating(organizer, stack).send("PATCH", f"/events/{event['id']}", json={"venue": "X"})

        both = Alternating(guest, old.apis, stack)

        def sent() -> bool:
            found = both.send("GET", "/notifications?limit=100")["items"]
            mails = [mail for mail in found if mail["event_id"] == event["id"]]
            # Of the booking that was cancelled at once, the confirmation may be overtaken.
            told = {mail["kind"] for mail in mails if mail["status"] == "sent"}
            return {"booking-confirmed", "booking-cancelled", "event-changed"} <= told and all(
                mail["status"] in ("sent", "dropped") for mail in mails
            )

        wait_until(sent, seconds=30.0, what="mails by the other release")
    assert len(mailbox.sources(guest.email)) >= before + 3
