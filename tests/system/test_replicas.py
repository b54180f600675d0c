"""Three processes of event-service, two relays and two workers behind a plain gateway, with PgBouncer in
between where there is one: what holds for one process holds for all of them together."""

import asyncio
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from stack import programs
from stack.ports import LOOPBACK, free_port
from stack.process_group import ProcessGroup
from stack.processes import Program
from stack.services import EVENT, NOTIFICATION
from stack.stack import ROOT, Stack
from tests.conftest import FreshDatabase
from tests.events.servers import PATHS, Server
from tests.pooler import NONE, find_pgbouncer, pooled
from tests.system.conftest import Mailbox, Person, publish
from tests.system.round_robin import RoundRobin

REPLICAS = ("event-1", "event-2", "event-3")
# Of what an organizer asks for, which nobody else in these tests does.
LIMIT = 7
SEATS, TRIES, AT_ONCE = 17, 61, 12
MAILS_BEFORE = 1  # of the registration


PEOPLE = ("many-organizer", *(f"many-guest-{number}" for number in range(6)))


@dataclass(frozen=True)
class Race:
    """``outcomes``: how many requests ended so. ``booked``: bookings by the guest's address."""

    event_id: str
    outcomes: Counter[str]
    booked: Counter[str]


def patient(command: list[str]) -> list[str]:
    """``python -m MODULE ...`` by way of a module that waits for Redis."""
    assert command[1] == "-m"
    return [*command[:2], "tests.system.patient", *command[2:]]


class Replicas(ProcessGroup):
    """On the servers of a stack that runs. ``lonely`` is one process more, with a cache and limits of
    its own: the control, for what happens where processes do not share them."""

    def __init__(self, stack: Stack, folder: Path, urls: dict[str, str]) -> None:
        super().__init__(folder, cwd=ROOT)
        self.ports = {name: free_port() for name in (*REPLICAS, "lonely")}
        known = {
            one.name: one for one in programs.services(stack.environments, stack.ports, folder)
        }
        self._urls, self._folder = urls, folder
        limits = {
            "RATE_LIMIT_ENABLED": "true",
            "ATTENDEES_RATE_LIMIT": f"{LIMIT}/minute",
            "BOOKING_RATE_LIMIT": "10000/minute",
            "EVENT_WRITE_RATE_LIMIT": "10000/minute",
            "DEFAULT_RATE_LIMIT": "10000/minute",
            "SERVICE_RATE_LIMIT": "10000/minute",
        }
        self.programs = [self._api(known["event"], name, limits) for name in REPLICAS]
        own_cache = re.sub(r"/0$", "/1", known["event"].environment["CACHE_REDIS_URL"])
        self.programs += [
            self._api(known["event"], "lonely", limits | {"CACHE_REDIS_URL": own_cache}),
            *(self._another(known["event-relay"], EVENT.database, n) for n in (1, 2)),
            *(
                self._another(known["notification-worker"], NOTIFICATION.database, n)
                for n in (1, 2)
            ),
        ]

    def _api(self, program: Program, name: str, changes: dict[str, str]) -> Program:
        port = self.ports[name]
        url = self._urls[EVENT.database]
        own = {"PORT": str(port), "DATABASE_URL": url.replace("postgresql:", "postgresql+asyncpg:")}
        environment = {**program.environment, **own, **changes}
        health = f"http://{LOOPBACK}:{port}/health/ready"
        return replace(
            program,
            name=name,
            environment=environment,
            command=patient(program.command),
            health=health,
        )

    def _another(self, program: Program, database: str, number: int) -> Program:
        url = self._urls[database].replace("postgresql:", "postgresql+asyncpg:")
        # What a process shows of itself is its own.
        own = {"METRICS_PORT": str(free_port()), "DATABASE_URL": url}
        if "PROMETHEUS_MULTIPROC_DIR" in program.environment:
            own["PROMETHEUS_MULTIPROC_DIR"] = str(self._folder / f"metrics-{number}")
        environment = {**program.environment, **own}
        command = patient(program.command)
        if "worker" in command:
            command += ["--hostname", f"replica-{number}@%h"]
        return replace(
            program, name=f"{program.name}-{number}", environment=environment, command=command
        )


class Routes:
    """Addresses of a stack, with another one for event-service."""

    def __init__(self, stack: Stack, event: str) -> None:
        self._stack, self._event = stack, event

    def url(self, name: str) -> str:
        return self._event if name == "event" else self._stack.url(name)


@pytest.fixture(scope="module")
def replicas(stack: Stack) -> Iterator[Replicas]:
    targets = {
        service.database: stack.environments.database_url(service)
        for service in (EVENT, NOTIFICATION)
    }
    with ExitStack() as rest:
        folder = Path(rest.enter_context(tempfile.TemporaryDirectory(prefix="parterre-replicas-")))
        urls = targets
        if find_pgbouncer():
            urls = rest.enter_context(pooled(targets, folder))
        # Instead of these, and not beside them.
        for name in ("event-relay", "notification-worker"):
            rest.enter_context(stack.without(name))
        group = Replicas(stack, folder, urls)
        rest.callback(group.stop)
        group.start_all(group.programs)
        yield group
        ended = [name for name, one in group.processes.items() if not one.is_running()]
        assert ended == [], [group.processes[name].tail() for name in ended]


@pytest.fixture(scope="module")
def gateway(replicas: Replicas) -> Iterator[RoundRobin]:
    with RoundRobin([replicas.ports[name] for name in REPLICAS]).running() as gateway:
        yield gateway


@pytest.fixture
def through(
    stack: Stack, mailbox: Mailbox, gateway: RoundRobin, person: Callable[..., Person]
) -> Callable[[str], Person]:
    """Makes somebody whose every request reaches the next process."""

    return lambda name: routed(person(name), stack, mailbox, gateway.url)


def routed(someone: Person, stack: Stack, mailbox: Mailbox, url: str) -> Person:
    """The same person, whose requests to event-service go to ``url``, each by a connection of its own."""
    routes: Any = Routes(stack, url)
    other = Person(routes, mailbox, someone.email)
    other.http = httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0))
    other.sign_in()
    return other


def all_at_once(count: int, ask: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, range(count)))


def outcome(answer: httpx.Response) -> str:
    if answer.is_success:
        return str(answer.status_code)
    return str(answer.json()["type"]).removeprefix("urn:problem:")


def race(organizer: Person, guests: list[Person], title: str) -> Race:
    """They ask at once for more seats than there are. Several people: one's own bookings wait for each other
    at the number that a person may have, and would not meet at the seats."""
    seating = {"kind": "general", "capacity": SEATS}
    event = publish(organizer, title=title, seating=seating, max_seats_per_user=TRIES)
    asking = [guests[number % len(guests)] for number in range(TRIES)]

    def ask(number: int) -> httpx.Response:
        return asking[number].book(event, 1, **{"Idempotency-Key": f"{event['id']}-{number}"})

    answers = all_at_once(TRIES, ask)
    booked = [one.email for one, answer in zip(asking, answers, strict=True) if answer.is_success]
    return Race(event["id"], Counter(map(outcome, answers)), Counter(booked))


def sold(database_url: str, event_id: str) -> tuple[int, int]:
    """Seats that point to a booking, and tickets of bookings that are not cancelled."""

    async def ask() -> tuple[int, int]:
        connection = await asyncpg.connect(database_url)
        found = await connection.fetchrow(
            """
            SELECT (SELECT count(*) FROM seat WHERE event_id = $1 AND booking_id IS NOT NULL),
                (SELECT count(*) FROM ticket JOIN booking ON booking.id = ticket.booking_id
                 WHERE booking.event_id = $1 AND booking.status IN ('held', 'confirmed'))
            """,
            event_id,
        )
        await connection.close()
        return found[0], found[1]

    return asyncio.run(ask())


@pytest.mark.skipif(not find_pgbouncer(), reason=NONE)
def test_every_process_goes_through_pgbouncer(stack: Stack, replicas: Replicas) -> None:
    """Else what follows would be another test."""
    for program in replicas.programs:
        url = program.environment["DATABASE_URL"]
        assert f":{stack.ports['postgres']}/" not in url, program.name


def test_each_seat_is_sold_once_and_its_mail_comes_once(
    stack: Stack, gateway: RoundRobin, through: Callable[[str], Person], mailbox: Mailbox
) -> None:
    organizer, *guests = map(through, PEOPLE)
    before = gateway.served.copy()
    result = race(organizer, guests, "Many")
    assert result.outcomes == {"201": SEATS, "sold-out": TRIES - SEATS}
    assert sold(stack.environments.database_url(EVENT), result.event_id) == (SEATS, SEATS)
    assert min((gateway.served - before).values()) >= TRIES // len(REPLICAS)
    assert len(gateway.served - before) == len(REPLICAS)
    for email, bookings in result.booked.items():
        mails = mailbox.wait_for(email, MAILS_BEFORE + bookings, seconds=60)
        assert len(mails) == MAILS_BEFORE + bookings


@pytest.mark.by_chance
async def test_control_three_processes_that_lock_no_seats_sell_one_twice(
    stack: Stack,
    person: Callable[..., Person],
    mailbox: Mailbox,
    fresh_database: FreshDatabase,
    tmp_path: Path,
) -> None:
    """On a database and a cache of their own: a doctor would find the seats that have two owners."""
    environment = stack.environments.of(EVENT)
    cache, _, _ = environment["CACHE_REDIS_URL"].rpartition("/")
    url = await fresh_database("event")
    own = {
        "DATABASE_URL": url, "CACHE_REDIS_URL": f"{cache}/8", "RATE_LIMIT_ENABLED": "false",
        "PYTHONPATH": os.pathsep.join(map(str, PATHS)),
    }  # fmt: skip
    servers = [
        Server(
            "tests.events.mutants.no_locks_on_seats",
            {**environment, **own},
            tmp_path / f"{name}.log",
        )
        for name in REPLICAS
    ]
    with ExitStack() as rest:
        for server in servers:
            server.start()
            rest.callback(server.end)
        await asyncio.gather(*(server.is_ready() for server in servers))
        gateway = rest.enter_context(RoundRobin([server.port for server in servers]).running())
        organizer, *guests = [
            await asyncio.to_thread(routed, person(name), stack, mailbox, gateway.url)
            for name in PEOPLE
        ]
        result = await asyncio.to_thread(race, organizer, guests, "Blind")
    plain = url.replace("postgresql+asyncpg:", "postgresql:")
    seats, tickets = await asyncio.to_thread(sold, plain, result.event_id)
    assert result.outcomes["201"] > SEATS
    assert tickets > seats


def test_one_key_is_one_booking_whichever_process_it_reaches(
    stack: Stack, through: Callable[[str], Person]
) -> None:
    organizer, guest = through("key-organizer"), through("key-guest")
    event = publish(organizer, title="One key")
    key = {"Idempotency-Key": f"key-{event['id']}"}
    at_once = all_at_once(20, lambda _: guest.book(event, 1, **key))
    assert {outcome(answer) for answer in at_once} <= {"201", "request-in-progress"}
    in_turn = [guest.book(event, 1, **key) for _ in REPLICAS]
    assert [answer.status_code for answer in in_turn] == [201] * len(REPLICAS)
    made = {answer.json()["id"] for answer in (*at_once, *in_turn) if answer.is_success}
    assert len(made) == 1
    assert sold(stack.environments.database_url(EVENT), event["id"]) == (1, 1)
    # The control: it is the key that makes them one.
    others = [guest.book(event, 1, **{"Idempotency-Key": f"{n}-{event['id']}"}) for n in range(2)]
    assert len({answer.json()["id"] for answer in others} | made) == 3


def titles(replicas: Replicas, names: tuple[str, ...], path: str) -> set[str]:
    return {
        httpx.get(f"http://{LOOPBACK}:{replicas.ports[name]}/api/v1{path}").json()["title"]
        for name in names
    }


def test_a_change_is_seen_by_the_next_read_in_every_process(
    replicas: Replicas, through: Callable[[str], Person]
) -> None:
    organizer = through("cache-organizer")
    event = publish(organizer, title="Before")
    path = f"/events/{event['id']}"
    for title in ("One", "Two", "Three", "Four"):
        organizer.send("PATCH", path, 200, json={"title": title})
        assert titles(replicas, REPLICAS, path) == {title}
    # The control: a process that shares no cache goes on showing what it has.
    for _ in range(3):
        # The first gives the event's pages a version, the next one is stored.
        assert titles(replicas, ("lonely",), path) == {"Four"}
    organizer.send("PATCH", path, 200, json={"title": "Five"})
    assert titles(replicas, REPLICAS, path) == {"Five"}
    assert titles(replicas, ("lonely",), path) == {"Four"}


def test_a_limit_is_one_for_all_processes(
    replicas: Replicas, through: Callable[[str], Person]
) -> None:
    organizer = through("limit-organizer")
    event = publish(organizer, title="Limited")
    path = f"/events/{event['id']}/sales"
    answers = all_at_once(3 * LIMIT, lambda _: organizer.send("GET", path))
    assert Counter(answer.status_code for answer in answers) == {200: LIMIT, 429: 2 * LIMIT}
    # The control: one that counts by itself would have let more through.
    url = f"http://{LOOPBACK}:{replicas.ports['lonely']}/api/v1{path}"
    assert organizer.http.get(url).status_code == 200
