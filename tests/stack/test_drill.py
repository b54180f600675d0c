"""What the deployment drill measures with: it sees what it is there to see. The drill is ./scripts/drill."""

import json
import math
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.system.deployment.acts import book
from tests.system.deployment.clients import Person
from tests.system.deployment.drill import BROKEN, SHORT_BROKEN, Drill
from tests.system.deployment.host import Done, Host, must, wipe_script
from tests.system.deployment.mail_server import read_mails
from tests.system.deployment.output import Step, images_line, layers_sent, steps_of
from tests.system.deployment.records import Booking, Phase, Request, cut, join, read_requests
from tests.system.deployment.report import report_of
from tests.system.deployment.versions import DOOR

EVENT = "0190a5d0-0000-7000-8000-000000000001"


def request(at: float = 0.0, seconds: float = 0.01, outcome: str = "ok") -> Request:
    return Request(at, seconds, "list", outcome)


def test_percentiles_are_of_the_slowest_requests() -> None:
    phase = Phase("all", 100.0, [request(seconds=n / 1000) for n in range(1, 101)])
    assert phase.percentile(0.5) == 0.05
    assert phase.percentile(0.99) == 0.099
    assert math.isnan(Phase("nothing", 1.0, []).percentile(0.99))


def test_a_request_belongs_to_the_stretch_in_which_it_began() -> None:
    requests = [request(at=9.9, seconds=5), request(at=10.0), request(at=19.9), request(at=20.0)]
    phase = cut(requests, "between", 10.0, 20.0)
    assert list(phase.requests) == requests[1:3]
    both = join("both", phase, cut(requests, "then", 20.0, 21.0))
    assert (both.seconds, list(both.requests)) == (11.0, requests[1:])


def test_a_line_that_is_being_written_is_left_for_the_next_look(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    line = json.dumps({"at": 1.0, "seconds": 0.1, "kind": "list", "outcome": "ok"})
    file.write_text(line + "\n" + line[:20])
    assert read_requests(file) == [Request(1.0, 0.1, "list", "ok")]
    assert read_requests(tmp_path / "none") == []
    assert read_mails(tmp_path / "none") == []


def gone(_: httpx.Request) -> httpx.Response:
    raise httpx.RemoteProtocolError("Server disconnected without sending a response.")


def booked(**changes: Any) -> httpx.Response:
    booking = {"id": "1", "event_id": EVENT, "seats": [{}, {}], "status": "confirmed"}
    return httpx.Response(201, json=booking | changes)


async def outcomes(tmp_path: Path, answer: Any, *, quantity: int = 2) -> tuple[list[str], Person]:
    """What is noted of one booking that is answered like that."""
    file = tmp_path / "requests.jsonl"
    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="https://drill") as http:
        with file.open("a", buffering=1) as notes:
            person = Person("a@example.com", http, "drill", notes)
            await book(person, EVENT, quantity)
    return [request.outcome for request in read_requests(file)], person


async def test_a_booking_is_noted_with_its_answer(tmp_path: Path) -> None:
    noted, person = await outcomes(tmp_path, lambda _: booked())
    assert noted == ["ok"]
    assert list(person.bookings) == ["1"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (gone, "RemoteProtocolError Server disconnected"),
        (lambda _: httpx.Response(502), "502"),
        (lambda _: httpx.Response(409, text="sold out"), "409 'sold out'"),
        (lambda _: booked(seats=[{}]), "wrong answer"),
        (lambda _: booked(event_id="another"), "wrong answer"),
        (lambda _: httpx.Response(201, text="<html>"), "unreadable answer"),
    ],
    ids=["no answer", "5xx", "refused", "too few seats", "of another event", "no JSON"],
)
async def test_a_request_fails_by_its_answer(tmp_path: Path, answer: Any, outcome: str) -> None:
    [noted], person = await outcomes(tmp_path, answer)
    assert noted.startswith(outcome)
    assert person.bookings == {}


def test_each_booking_that_was_confirmed_expects_a_mail_and_one_more_if_it_was_cancelled(
    tmp_path: Path,
) -> None:
    drill = Drill(Host(), tmp_path)
    statuses = ("confirmed", "held", "cancelled")
    drill.bookings = [Booking(status, EVENT, 1, status) for status in statuses]
    assert len(drill.expected_mails) == 3


async def test_the_door_of_the_broken_version_refuses_bookings_only() -> None:
    def app() -> FastAPI:
        application = FastAPI()

        @application.api_route("/{path:path}", methods=["GET", "POST"], status_code=204)
        async def answer() -> None: ...

        return application

    namespace: dict[str, Any] = {"app": app}
    exec(DOOR, namespace)  # noqa: S102
    transport = httpx.ASGITransport(namespace["app"]())
    async with httpx.AsyncClient(transport=transport, base_url="http://drill") as http:
        assert (await http.post("/api/v1/bookings")).status_code == 500
        assert (await http.get("/api/v1/bookings")).status_code == 204
        assert (await http.post("/api/v1/events")).status_code == 204


def test_a_short_drill_deploys_fewer_broken_versions() -> None:
    host = Host("host")
    assert Drill(host, Path()).broken == tuple(BROKEN)
    short = Drill(host, Path(), is_short=True).broken
    assert short == SHORT_BROKEN
    assert set(short) < set(BROKEN)


def test_another_start_limit_leaves_the_other_settings(tmp_path: Path) -> None:
    settings = tmp_path / ".env"
    settings.write_text("A=1\nSTART_SECONDS=60\nPARTERRE_UID=999\n")
    Drill(Host(home=str(tmp_path)), tmp_path)._let_start(15)
    assert settings.read_text() == "A=1\nSTART_SECONDS=15\nPARTERRE_UID=999\n"


def test_what_was_sent_is_read_from_what_a_deployment_says(tmp_path: Path) -> None:
    said = "[   1s] sending images to host\n[   3s] images: 3 images, 1 of 12 layers, 0.1 MiB\n"
    assert layers_sent(images_line(said)) == (1, 12)
    assert images_line("[   3s] images: all images are there\n") == "images: all images are there"
    assert layers_sent("images: 3 images, 200 MiB") is None
    assert images_line("[   0s] images: all layers are read: docker push failed") == ""
    drill = Drill(Host("host"), tmp_path)
    assert drill.room == "not said"
    drill.commands["deployment"] = Done(
        0,
        "[  9s] auth, event: at the same time, there is room\n[ 20s] x: not at the same time: a\n",
    )
    assert drill.room == "at the same time, there is room; not at the same time: a"


def test_steps_are_those_before_their_lines_as_the_host_counts() -> None:
    here = "[   1s] sending images to host\n[   9s] images: 3 images\n"
    there = "[   0s] deployment of 2\n[   3s] a\nbackup: x\n[  13s] b\n[ 100s] c\n"
    steps = [
        Step(100, 100, "deployment of 2"),
        Step(100, 97, "a"),
        Step(97, 87, "b"),
        Step(87, 0, "c"),
    ]
    assert steps_of(here + there) == steps
    assert steps_of("[   2s] a\n[   3s] b\n") == [Step(3, 1, "a"), Step(1, 0, "b")]
    assert steps_of("nothing") == []


def test_the_report_tells_how_long_requests_took_in_each_step(tmp_path: Path) -> None:
    drill = Drill(Host("host"), tmp_path)
    drill.commands["rollback"] = Done(0, "[   0s] begun\n[  4s] a\n[   5s] b\n[  10s] c\n")
    drill.stretches["rollback"] = (1000.0, 1012.0)
    drill.requests = [
        request(at, seconds)
        for at, seconds in ((1001, 0.9), (1003, 0.02), (1005, 0.03), (1006.5, 0.4), (1008, 0.06))
    ]
    said = report_of(drill)
    assert "    2 s  p99   900 ms  before the host begins" in said
    assert "    4 s  p99    30 ms  a" in said
    assert "    5 s  p99    60 ms  c" in said
    assert len(said.partition("steps of")[2].splitlines()) == 4


def test_what_an_interrupted_drill_has_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its deployment too, if it goes on; not a process that has got the number of one."""
    docker, asked = tmp_path / "docker", tmp_path / "asked"
    docker.write_text(f'#!/bin/sh\necho "$@" >> {asked}\ncase "$*" in *q*) echo x;; esac\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for is_held in (True, False):
        home = tmp_path / "home"
        (home / "var").mkdir(parents=True)
        lock = home / "var" / "lock"
        hold = ["flock", str(lock), "sleep", "60"] if is_held else ["sleep", "60"]
        with subprocess.Popen(hold, start_new_session=True) as process:
            while is_held and subprocess.run(["flock", "-n", "-s", lock, "true"]).returncode == 0:
                assert process.poll() is None
            lock.write_text(json.dumps({"work": "deployment", "pid": process.pid}))
            must(["sh", "-c", wipe_script(Host(home=str(home)))], seconds=30)
            assert (process.poll() if not is_held else process.wait(10)) == (
                -9 if is_held else None
            )
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        assert not home.exists()
    removed = [line for line in asked.read_text().splitlines() if "rm" in line.split()]
    assert removed == ["rm -f -v x", "volume rm x", "network rm x"] * 2
