"""A deployment fails no request: good ones, broken ones, rollback, each under load on a host of its own.

``./scripts/drill`` runs it, alone: it builds images, deploys them to a machine that may be thrown away,
and measures. One drill is run for all tests; the report of its phases comes first when one fails.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.deployment.drill import BROKEN, CUT_OFF, GOOD, NEXT, SHORT_BROKEN, Drill
from tests.system.deployment.host import given_host
from tests.system.deployment.output import layers_sent
from tests.system.deployment.records import Phase, join
from tests.system.deployment.report import report_of

HOST = given_host()
IS_SHORT = bool(os.environ.get("DRILL_SHORT"))
QUIET = ("before", "after")
COMMANDS = ("deployment", *(SHORT_BROKEN if IS_SHORT else BROKEN), "rollback")
# Why a broken version was not taken, as the last line says it.
REASONS = {
    "crashes at its start": "crashes at its start",
    "is never healthy": "healthy",
    "answers bookings with 500": "500",
}
MOST_P99_RATIO = 2.0
# By a deployment of the other kind; ours stay far below it.
HELD_SECONDS = 2.0
MOST_NEW_LAYERS = 3

pytestmark = pytest.mark.skipif(
    HOST is None, reason="./scripts/drill runs it, on a host to deploy to"
)

in_full = pytest.mark.skipif(IS_SHORT, reason="not in a short drill")


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    assert HOST is not None
    drill = Drill(HOST, tmp_path_factory.mktemp("drill"), is_short=IS_SHORT)
    try:
        drill.run()
        yield drill
    finally:
        if report := os.environ.get("DRILL_REPORT"):
            Path(report).write_text(report_of(drill) + "\n")
        drill.remove()


def deployments(drill: Drill) -> Phase:
    return join("deployments", *(drill.phase(name) for name in COMMANDS))


def test_the_next_version_is_deployed(drill: Drill) -> None:
    assert drill.commands["deployment"].code == 0, drill.commands["deployment"].output
    assert drill.deployed["deployment"] == NEXT
    before, after = drill.containers["deployment"]
    assert len(before - after) == len(after - before) > 0


@pytest.mark.skipif(HOST is not None and not HOST.destination, reason="nothing is sent to here")
@pytest.mark.parametrize("what", COMMANDS[:-1])
def test_of_images_only_new_layers_are_sent(drill: Drill, what: str) -> None:
    """Each version lies on the first one: of event-service some small layers, of the others none."""
    layers = layers_sent(drill.sent[what])
    assert layers is not None, drill.sent
    sent, all_of_them = layers
    assert sent <= MOST_NEW_LAYERS < all_of_them, drill.sent


def test_a_deployment_says_whether_the_host_has_room(drill: Drill) -> None:
    assert "the same time" in drill.room


def test_a_deployment_goes_on_without_the_one_who_started_it(drill: Drill) -> None:
    """Its connection was cut off; the same command follows it to its end."""
    first, *_ = drill.commands[CUT_OFF].output.splitlines()
    assert f"deployment of {NEXT} is under way" in first


@pytest.mark.parametrize("what", SHORT_BROKEN if IS_SHORT else BROKEN)
def test_a_broken_version_takes_itself_back(drill: Drill, what: str) -> None:
    done = drill.commands[what]
    assert done.code == 1, done.output
    assert REASONS[what] in done.last_line, done.output
    assert "event" in done.last_line, done.output
    assert drill.deployed[what] == NEXT
    before, after = drill.containers[what]
    assert after == before


def test_a_rollback_goes_to_the_version_before(drill: Drill) -> None:
    assert drill.commands["rollback"].code == 0, drill.commands["rollback"].output
    assert drill.deployed["rollback"] == GOOD


def test_no_request_fails(drill: Drill) -> None:
    phases = [drill.phase(name) for name in (*QUIET, *COMMANDS)]
    assert {p.name: p.describe_failures() for p in phases if p.failed} == {}
    assert [r for r in drill.requests if r.has_failed] == []
    # A drill that asks for little shows little.
    assert min(len(phase.requests) / phase.seconds for phase in phases) > 10


@in_full
def test_control_a_deployment_by_recreating_is_seen(drill: Drill) -> None:
    """Requests fail; version 2 of Compose is so quick that the gateway may hold them, for seconds."""
    assert drill.control is not None
    is_held = drill.control.percentile(0.99) > HELD_SECONDS
    is_quick = not drill.compose_version.startswith("1.")
    assert drill.control.failed or is_quick and is_held, report_of(drill)


@in_full
def test_waiting_times_stay_at_most_twice_the_usual(drill: Drill) -> None:
    usual = join("without a deployment", *(drill.phase(name) for name in QUIET))
    assert deployments(drill).percentile(0.99) <= MOST_P99_RATIO * usual.percentile(0.99)


def test_the_seats_that_are_sold_are_those_of_the_answers(drill: Drill) -> None:
    told = sum(b.seats for b in drill.bookings if b.status in ("confirmed", "held"))
    assert told == drill.sold > 0


def test_each_booking_has_its_one_mail(drill: Drill) -> None:
    counts = Counter(mail.message_id for mail in drill.mails)
    assert len(drill.expected_mails) > 100
    lost = [identity for identity in drill.expected_mails if identity not in counts]
    doubled = {identity: n for identity, n in counts.items() if n > 1}
    assert (lost, doubled) == ([], {})


@in_full
def test_a_backup_made_under_load_restores_to_a_whole_state(drill: Drill) -> None:
    assert "backup is made" in drill.commands["deployment"].output
    assert drill.commands["restore"].code == 0, drill.commands["restore"].output
    assert drill.commands["doctor"].code == 0, drill.commands["doctor"].output
    # Neither what was there before the first booking nor what is there now.
    assert 0 < drill.restored < len(drill.bookings)
