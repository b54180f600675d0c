"""``./scripts/bench --costs``: its figures are those of the processes that they name, whatever else the
machine does, and the parts add up."""

import itertools
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import cost_check, costs, load
from benchmarks.costs import Cost, CostMeter, Report
from benchmarks.usage import Holdings, Meter
from benchmarks.whole import NOT_COUNTED, PARTS
from stack import programs
from stack.environment import SECRETS, Environments
from stack.errors import StackError
from stack.ports import free_port
from stack.process_group import ProcessGroup
from stack.processes import Process, Program
from stack.stack import CHOSEN_PORTS, HIDDEN_PORTS, ROOT
from tests.stack.burner import SECONDS, burn

REQUESTS = 25
# Of what the request costs beside: HTTP, and the clock ticks that processes are billed in.
MOST_BESIDE = 8.0
BURNT = SECONDS * 1000


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessGroup]:
    """One server that burns, as the child of another process, and one that waits to be asked."""
    running = ProcessGroup(tmp_path_factory.mktemp("burner"), cwd=ROOT)
    try:
        running.start_all([_burner("busy"), _burner("idle")])
        yield running
    finally:
        running.stop()


def _burner(name: str) -> Program:
    port = free_port()
    environment = {"PATH": "/bin:/usr/bin", "PYTHONPATH": str(ROOT), "BURNER_PORT": str(port)}
    health = f"http://127.0.0.1:{port}/none"
    command = [sys.executable, "-m", "tests.stack.burner", str(port)]
    if name == "busy":
        command = [sys.executable, "-c", f"import subprocess; subprocess.run({command})"]
    return Program(name, command, environment, health=health)


def _pids(process: Process) -> list[int]:
    assert process.pid is not None
    return [process.pid]


@pytest.fixture
def meter(group: ProcessGroup) -> CostMeter:
    return CostMeter(Meter({name: _pids(one) for name, one in group.processes.items()}))


def cost_of(path: str, group: ProcessGroup, meter: CostMeter) -> Cost:
    port = int(group.processes["busy"].program.environment["BURNER_PORT"])
    requests = [load.request("GET", path)] * REQUESTS
    with meter.operations(path, REQUESTS):
        load.run(port, iter(requests), connections=2, seconds=120)
    return meter.costs[-1]


@pytest.mark.parametrize("path", ["/own", "/thread"])
def test_known_processor_time_is_seen_where_it_was_used_and_nowhere_else(
    path: str, group: ProcessGroup, meter: CostMeter
) -> None:
    cost = cost_of(path, group, meter)
    assert BURNT * 0.95 <= cost.milliseconds["busy"] <= BURNT + MOST_BESIDE
    assert cost.milliseconds["idle"] <= 0.5


def test_a_request_that_uses_nothing_costs_next_to_nothing(
    group: ProcessGroup, meter: CostMeter
) -> None:
    assert cost_of("/none", group, meter).total <= MOST_BESIDE


def test_children_that_have_ended_are_counted(group: ProcessGroup, meter: CostMeter) -> None:
    """An interpreter's own start is in it too."""
    assert cost_of("/child", group, meter).milliseconds["busy"] >= BURNT * 0.95


def test_what_others_use_meanwhile_is_not_counted(group: ProcessGroup, meter: CostMeter) -> None:
    with meter.operations("elsewhere", 1):
        burn()
        time.sleep(0.1)
    assert meter.costs[-1].total <= MOST_BESIDE


def test_what_the_parts_use_when_nothing_is_asked_is_taken_off(
    group: ProcessGroup, meter: CostMeter
) -> None:
    seconds = BURNT * REQUESTS / 1000
    began = time.monotonic()
    whole = cost_of("/own", group, meter).milliseconds["busy"]
    # As if a quarter of it had been burnt in any case.
    meter.idle = {"busy": seconds / 4 / (time.monotonic() - began), "idle": 0.5}
    rest = cost_of("/own", group, meter).milliseconds
    assert rest["busy"] < whole
    assert rest["idle"] == 0


def test_the_parts_add_up(group: ProcessGroup, meter: CostMeter) -> None:
    cost = cost_of("/own", group, meter)
    assert cost.total == pytest.approx(sum(cost.milliseconds.values()))
    assert cost.as_json()["total"] == cost.total


def test_a_process_and_its_memory_are_counted_once(group: ProcessGroup, meter: CostMeter) -> None:
    held = meter.meter.holdings(database_port=1)
    assert {part: one.processes for part, one in held.items()} == {"busy": 2, "idle": 1}
    assert all(5 < one.memory < 100 and one.connections == 0 for one in held.values())


def test_connections_to_the_database_are_of_whoever_has_made_them(group: ProcessGroup) -> None:
    port = int(group.processes["idle"].program.environment["BURNER_PORT"])
    address = ("127.0.0.1", port)
    with socket.create_connection(address), socket.create_connection(address):
        meter = Meter({"we": [os.getpid()], "server": _pids(group.processes["idle"])})
        held = meter.holdings(database_port=port)
    assert held["we"].connections == 2
    assert held["server"].connections == 0


def test_every_process_of_the_stack_belongs_to_one_part() -> None:
    ports = {name: 1 for name in (*CHOSEN_PORTS, *HIDDEN_PORTS)}
    environments = Environments(ports, dict.fromkeys(SECRETS, "x"), {})
    every = [one.name for one in programs.services(environments, ports, Path("/nowhere"))]
    every += [*programs.DATA_SERVERS, "mailbox", "gateway", "gateway-tls"]
    counted = [*itertools.chain(*PARTS.values()), *NOT_COUNTED]
    assert sorted(counted) == sorted(every)


def _report() -> Report:
    held = {part: Holdings(1, 50.0, 2) for part in ("event", "postgres")}
    names = {*itertools.chain(*cost_check.CACHED.values()), *cost_check.OPERATIONS.values()}
    names |= {"booking, of several events", "refusal, sold out", "mail of a booking"}
    names |= {"new account, with its mail", "sign-in"}
    found = [Cost(name, 100, {"event": 1.0, "postgres": 0.5}) for name in sorted(names)]
    return Report({"event": 0.01, "postgres": 0.0}, found, held, held, {"event: seat": 9.0}, (1, 2))


def test_the_table_has_a_row_for_each_operation_with_its_sum(
    capsys: pytest.CaptureFixture[str],
) -> None:
    costs.show(_report())
    [row] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("check-in")]
    assert row.split()[1:] == ["1.00", "0.50", "1.50"]


def test_a_crowd_is_foretold_from_what_it_asks() -> None:
    people = cost_check.PEOPLE
    requests = {"the list": 600, "a search": 400, "book": 300, "what is left": 50}
    counts = cost_check.Counts(booked=200, mails=200 + people, hits=750, misses=250)
    done = cost_check.operations_of(requests, counts)
    assert done["page of the list, cached"] == 750
    assert (done["page of the list, computed"], done["search, computed"]) == (150, 100)
    assert (done["booking, of several events"], done["refusal, sold out"]) == (200, 100)
    assert (done["mail of a booking"], done["new account, with its mail"]) == (200, people)
    expected = cost_check.predicted(_report(), done, seconds=10)
    operations = 600 + 400 + 300 + 50 + 200 + 2 * people + 1
    assert expected["event"] == pytest.approx(operations / 1000 + 10 * 0.01)
    assert expected["postgres"] == pytest.approx(operations / 2000)


def test_a_request_that_the_table_does_not_know_is_refused() -> None:
    with pytest.raises(StackError, match="no cost of 'a new page'"):
        cost_check.operations_of({"a new page": 1}, cost_check.Counts(0, 0, 0, 0))


def test_looks_for_pages_are_read_from_the_metrics() -> None:
    text = (
        'page_cache_reads_total{result="nowhere"} 3.0\npage_cache_reads_total{result="redis"} 4.0\n'
    )
    assert cost_check.reads_of(f"# HELP\n{text}other_total 1.0\n") == {"nowhere": 3, "redis": 4}


def test_requests_are_those_of_locusts_file_without_its_sum(tmp_path: Path) -> None:
    file = tmp_path / "crowd_stats.csv"
    file.write_text("Type,Name,Request Count\nGET,the list,3\nPOST,book,2\n,Aggregated,5\n")
    assert cost_check.requests_of(file) == {"the list": 3, "book": 2}
