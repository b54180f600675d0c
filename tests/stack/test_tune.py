"""``./scripts/tune``: what it prints can be had on the machine, and is read by Compose."""

import argparse
import re
from pathlib import Path

import pytest

from deployment.tune import LEAST_MIB, memory_mib, parse_memory, settings

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


def test_compose_reads_each_of_its_lines_and_the_example_names_it() -> None:
    compose, example = (ROOT / "docker-compose.yml").read_text(), (
        ROOT / ".env.example"
    ).read_text()
    for name in settings(2_048, 1):
        default = re.search(rf"\$\{{{name}:-(.+?)\}}", compose)
        assert default, name
        assert f"# {name}={default[1]}\n" in example


def test_memory_is_read_from_the_machine_and_from_people() -> None:
    assert memory_mib("MemTotal:        2030496 kB\nMemFree: 1 kB\n") == 1982
    assert [parse_memory(text) for text in ("4G", "4096M", "4096", "4GiB")] == [4096] * 4
    with pytest.raises(argparse.ArgumentTypeError):
        parse_memory("much")
