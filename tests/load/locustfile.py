"""For Locust: which scenario runs, what is made before, how it goes meanwhile, and the verdict."""

import sys
import time
from pathlib import Path
from typing import Any

import gevent
from locust import constant, events
from locust.env import Environment
from locust.runners import STATE_CLEANUP, STATE_RUNNING, STATE_STOPPED, STATE_STOPPING

from tests.event_bodies import event_body
from tests.load.scenarios import Browsing, Buying, OnSale, Person, Staff
from tests.load.target import NotPrepared, Target, general, hall
from tests.load.verdict import Json, Request, faults

SCENARIOS: dict[str, tuple[type[Person], ...]] = {
    "browsing": (Browsing,),
    "buying": (Buying,),
    "on-sale": (OnSale,),
    "staff": (Staff,),
    "mix": (Browsing, Buying, Staff),
}
# Where somebody buys from the start to the end.
SELLING = ("buying", "on-sale")
P99_MILLISECONDS = 1000.0
SECONDS_BETWEEN_LINES = 5


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:
    parser.add_argument("--scenario", choices=SCENARIOS, default="mix", env_var="LOAD_SCENARIO")
    parser.add_argument("--no-pauses", action="store_true")
    parser.add_argument("--p99", type=float, default=P99_MILLISECONDS, help="milliseconds")


@events.init.add_listener
def prepare(environment: Environment, **_: Any) -> None:
    """Before the clock of the run begins."""
    options = environment.parsed_options
    assert options is not None
    environment.user_classes = list(SCENARIOS[options.scenario])
    if options.no_pauses:
        for people in SCENARIOS[options.scenario]:
            people.wait_time = constant(0)
    print(f"Making {options.num_users} accounts and what they book ...", flush=True)
    try:
        target = Target(environment.host or "")
        target.prepare(options.num_users, _events(options.scenario, options.num_users))
    except NotPrepared as problem:
        sys.exit(f"load: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
    Person.target = target


@events.test_start.add_listener
def watch(environment: Environment, **_: Any) -> None:
    gevent.spawn(_say_how_it_goes, environment)


def _events(scenario: str, people: int) -> list[Any]:
    if scenario == "on-sale":
        return [event_body(title="On sale", seating=hall(people))]
    return [
        event_body(title="Jazz under load", seating=general(5_000)),
        event_body(title="A hall under load", seating=hall(500)),
        event_body(title="Few seats", seating=general(20)),
    ]


def _say_how_it_goes(environment: Environment) -> None:
    """A line every five seconds; ends the run when everybody has gone, as after a sale."""
    runner, total, began = environment.runner, environment.stats.total, time.monotonic()
    assert runner is not None
    while True:
        gevent.sleep(SECONDS_BETWEEN_LINES)
        if runner.state in (STATE_STOPPING, STATE_STOPPED, STATE_CLEANUP):
            return
        print(
            f"{time.monotonic() - began:4.0f} s  {runner.user_count} people,"
            f" {total.num_requests} requests ({total.current_rps:.0f}/s),"
            f" p95 {total.get_response_time_percentile(0.95) or 0:.0f} ms,"
            f" {total.num_failures} failed",
            flush=True,
        )
        if runner.user_count == 0 and runner.state == STATE_RUNNING:
            runner.quit()


@events.quitting.add_listener
def judge(environment: Environment, **_: Any) -> None:
    target: Target | None = getattr(Person, "target", None)
    options = environment.parsed_options
    if target is None or options is None:
        environment.process_exit_code = 2
        return
    requests = [
        Request(
            name, one.num_requests, one.num_failures, one.get_response_time_percentile(0.99) or 0.0
        )
        for (name, _), one in environment.stats.entries.items()
    ]
    sells = options.scenario in SELLING
    try:
        told = _ask_what_is_sold(target)
        found = faults(requests, target.events, told, p99_limit=options.p99, must_sell=sells)
    except NotPrepared as problem:
        found = faults(requests, [], {}, p99_limit=options.p99)
        found.append(f"nobody knows what is sold: {problem}")
    for line in found:
        print(f"load: {line}", file=sys.stderr)
    sold = sum(event.sold for event in target.events)
    good = f"No fault in {environment.stats.total.num_requests} requests; {sold} seats are sold."
    if not found:
        print(good)
    if options.html_file:
        # Locust's report says neither what was run nor whether it went well.
        run = f"{options.scenario}: {options.num_users} people, {options.run_time} s, {target.address}"
        text = "\n".join([run, *(found or [good]), ""])
        Path(options.html_file).with_suffix(".txt").write_text(text)
    environment.process_exit_code = 1 if found else 0


def _ask_what_is_sold(target: Target) -> dict[str, Json]:
    url = f"{target.address}/api/v1/events"
    return {e.id: target.ask("GET", f"{url}/{e.id}/availability", 200) for e in target.events}
