"""``./scripts/tune``: what it prints can be had on the machine, and is read by Compose."""

import argparse
import re
from pathlib import Path

import pytest

from deployment.layout import Layout
from deployment.room import lack
from deployment.tune import LEAST_MIB, OTHERS_MIB, memory_mib, parse_memory, settings
from tests.stack.test_room import APIS

ROOT = Path(__file__).resolve().parents[2]
MACHINES = [(LEAST_MIB, 1), (2_048, 1), (2_048, 2), (4_096, 2), (8_192, 4), (65_536, 16)]


def number(value: str) -> float:
    return float(re.sub("[A-Za-z]+$", "", value)) * (1024 if value.endswith("GB") else 1)


@pytest.mark.parametrize(("mib", "processors"), MACHINES)
def test_what_it_prints_fits_the_machine(mib: int, processors: int) -> None:
    found = {name: number(value) for name, value in settings(mib, processors).items()}
    assert all(found[name] <= processors for name in ("POSTGRES_CPUS", "API_CPUS"))
    assert found["POSTGRES_MEMORY"] <= mib * 0.6
    assert found["POSTGRES_SHARED_BUFFERS"] <= found["POSTGRES_MEMORY"] / 4
    assert found["POSTGRES_EFFECTIVE_CACHE_SIZE"] <= mib
    assert found["BROKER_MEMORY"] >= 2 * found["BROKER_MAX_MEMORY"]


def test_more_memory_is_used() -> None:
    sizes = [number(settings(mib, 2)["POSTGRES_SHARED_BUFFERS"]) for mib, _ in MACHINES]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 10 * sizes[0]


@pytest.mark.parametrize(
    ("mib", "processors", "processes", "memory"),
    [
        (2_048, 1, 1, "448M"),
        (2_048, 8, 1, "448M"),
        (4_096, 2, 1, "640M"),
        (8_192, 4, 2, "640M"),
        (16_384, 6, 3, "960M"),
        (16_384, 8, 4, "1280M"),
        (65_536, 32, 4, "1280M"),
    ],
)
def test_each_api_has_half_as_many_processes_as_there_are_processors(
    mib: int, processors: int, processes: int, memory: str
) -> None:
    found = settings(mib, processors)
    assert (found["WEB_CONCURRENCY"], found["API_MEMORY"]) == (str(processes), memory)
    # deploy/CAPACITY.md: what a process may take after a large on-sale.
    assert number(memory) >= 289 * processes
    assert number(found["POSTGRES_MEMORY"]) + OTHERS_MIB + (processes - 1) * 330 <= mib


@pytest.mark.parametrize(("more", "has_room"), [(0, True), (1, False)], ids=["it", "control"])
def test_a_deployment_has_connections_for_as_many_processes(
    tmp_path: Path, more: int, has_room: bool
) -> None:
    """One API has two containers then."""
    processes = int(settings(65_536, 64)["WEB_CONCURRENCY"]) + more
    (tmp_path / ".env").write_text(f"WEB_CONCURRENCY={processes}\n")
    (tmp_path / "meminfo").write_text("MemAvailable: 60000000 kB\n")
    found = lack(APIS[:1], APIS, Layout(tmp_path), tmp_path / "meminfo")
    assert (found == "") is has_room


def test_compose_reads_each_of_its_lines_and_the_example_names_it() -> None:
    compose, example = (ROOT / "docker-compose.yml").read_text(), (
        ROOT / ".env.example"
    ).read_text()
    for name, value in settings(2_048, 1).items():
        default = re.search(rf"\$\{{{name}:-(.+?)\}}", compose)
        # Without a default in Compose it is passed on, and the service has one.
        assert default or f"\n  {name}:\n" in compose, name
        assert f"# {name}={default[1] if default else value}\n" in example


def test_memory_is_read_from_the_machine_and_from_people() -> None:
    assert memory_mib("MemTotal:        2030496 kB\nMemFree: 1 kB\n") == 1982
    assert [parse_memory(text) for text in ("4G", "4096M", "4096", "4GiB")] == [4096] * 4
    with pytest.raises(argparse.ArgumentTypeError):
        parse_memory("much")
