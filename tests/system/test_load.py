"""``./scripts/load`` in short: against the product, and against one that sells what is sold."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack.ports import free_port
from stack.services import EVENT
from stack.stack import ROOT, Stack
from tests.conftest import FreshDatabase
from tests.events.servers import PATHS, Server
from tests.load.verdict import Event, Request, faults
from tests.system.people import PASSWORD, Person

# A busy machine is slow; what is measured in earnest is measured by hand.
P99 = 30_000
# Of the load; Locust may have to be installed before.
SECONDS, LONGEST_SECONDS = 20, 600


def load(
    address: str, organizer: Person, folder: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable, "-m", "stack.load", address, "--people", "25", "--seconds", str(SECONDS),
            "--p99", str(P99), "--report", str(folder / "load.html"), *options,
        ],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "scripts"),
            "LOAD_ORGANIZER": organizer.email,
            "LOAD_PASSWORD": PASSWORD,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )  # fmt: skip


@pytest.mark.parametrize("scenario", ["on-sale", "mix"])
def test_under_load_each_seat_is_sold_once_and_nothing_fails(
    stack: Stack, organizer: Person, tmp_path: Path, scenario: str
) -> None:
    done = load(stack.url("event"), organizer, tmp_path, "--scenario", scenario)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No fault in " in done.stdout
    if scenario == "on-sale":
        assert "; 25 seats are sold." in done.stdout
    assert "<html" in (tmp_path / "load.html").read_text()


@pytest.mark.by_chance
async def test_control_a_service_that_sells_what_is_sold_fails(
    stack: Stack, organizer: Person, fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    """On a database and a cache of its own: a doctor would find the seats that have two owners."""
    environment = stack.environments.of(EVENT)
    cache, _, _ = environment["CACHE_REDIS_URL"].rpartition("/")
    own = {
        "DATABASE_URL": await fresh_database("event"),
        "CACHE_REDIS_URL": f"{cache}/7",
        "PYTHONPATH": os.pathsep.join(map(str, PATHS)),
    }
    server = Server(
        "tests.events.mutants.no_look_at_the_owner", {**environment, **own}, tmp_path / "event.log"
    )
    server.start()
    try:
        await server.is_ready()
        done = await asyncio.to_thread(
            load, server.url, organizer, tmp_path, "--scenario", "on-sale"
        )
    finally:
        server.kill()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "seats have two owners" in done.stderr


def test_what_cannot_begin_says_why_in_one_line(organizer: Person, tmp_path: Path) -> None:
    done = load(f"http://127.0.0.1:{free_port()}", organizer, tmp_path)
    assert done.returncode != 0
    assert "does not answer" in done.stderr and "Traceback" not in done.stderr


def an_event(*, sold: int = 0, unknown: int = 0) -> Event:
    return Event("e", 3, is_assigned=True, sold=sold, unknown=unknown)


SEAT = {"id": "b", "seats": [{"id": "s"}]}


def test_each_fault_is_named() -> None:
    well = Request("book", 100, 0, 20.0)
    told = {"e": {"booked": 2, "held": 0}}
    assert faults([well], [an_event(sold=2)], told, p99_limit=1000) == []
    without_answer = an_event(sold=1)
    with without_answer.asked(1):
        assert faults([well], [without_answer], told, p99_limit=1000) == []
    assert faults([well], [without_answer], told, p99_limit=1000) == []
    with an_event(sold=1).asked(1) as answered:
        answered()
    assert len(faults([well], [an_event(sold=1)], told, p99_limit=1000)) == 1
    assert faults([], [], {}, p99_limit=1000) == ["nothing was asked"]
    [failed] = faults([Request("book", 100, 3, 20.0)], [], {}, p99_limit=1000)
    assert failed == "book: 3 of 100 requests failed"
    [slow] = faults([Request("book", 100, 0, 1001.0)], [], {}, p99_limit=1000)
    assert slow == "book: p99 is 1001 ms, more than 1000"
    full = {"e": {"booked": 4, "held": 0}}
    assert faults([well], [an_event(sold=4)], full, p99_limit=1000) == [
        "event e: 4 seats sold of 3"
    ]
    # "Somebody was faster" is what each guest heard, and nobody was.
    free = {"e": {"booked": 0, "held": 0}}
    for requests, must_sell in (([well], False), ([Request("a seat map", 9, 0, 20.0)], True)):
        assert faults(requests, [an_event()], free, p99_limit=1000, must_sell=must_sell) == [
            "nobody got a seat, though seats are free"
        ]
    looked = [Request("the list", 9, 0, 20.0)]
    assert faults(looked, [an_event()], free, p99_limit=1000) == []
    changed_mind = an_event()
    changed_mind.add(SEAT)
    changed_mind.remove(SEAT)
    assert faults([well], [changed_mind], free, p99_limit=1000) == []
    [lost] = faults([well], [an_event(sold=3)], told, p99_limit=1000)
    assert lost == "event e: the service counts 2 seats, guests have 3"
    twice = an_event()
    twice.add(SEAT)
    twice.add({**SEAT, "id": "other"})
    [owners] = faults([well], [twice], told, p99_limit=1000)
    assert owners == "event e: 1 seats have two owners, such as s"
    twice.remove(SEAT)
    twice.add(SEAT)
    twice.remove({**SEAT, "id": "other"})
    assert faults([well], [twice], {"e": {"booked": 1, "held": 0}}, p99_limit=1000) == []
