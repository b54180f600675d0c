"""A deployment replaces several services at the same time only where the host has room for it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from deployment import room
from deployment.engine import Container
from deployment.layout import Layout
from deployment.memory import available_bytes, field_bytes
from deployment.services import API_SERVICES

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
MEMINFO = "MemTotal:        8000000 kB\nMemAvailable:    {} kB\nSwapTotal:       0 kB\n"


def container(service: str, memory: int = 640 * MIB) -> Container:
    return Container(
        service, service, service, "", "", "running", "healthy", 0, False, memory=memory
    )


APIS = [container(name) for name in API_SERVICES]


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    file = tmp_path / "meminfo"
    file.write_text(MEMINFO.format(8_000_000))
    return file


def test_each_new_container_may_take_what_the_old_one_may(meminfo: Path, tmp_path: Path) -> None:
    needed = 3 * 640 * MIB + room.SPARE_BYTES
    for available, has_room in ((needed, True), (needed - 1024, False)):
        meminfo.write_text(MEMINFO.format(available // 1024))
        assert (room.lack(APIS, APIS, Layout(tmp_path), meminfo) == "") is has_room
    small = [replace(one, memory=448 * MIB) for one in APIS]
    assert room.lack(small, small, Layout(tmp_path), meminfo) == ""
    # Without a limit it is not taken for nothing.
    unlimited = [replace(one, memory=0) for one in APIS]
    assert "of memory are available" in room.lack(unlimited, unlimited, Layout(tmp_path), meminfo)


def test_memory_that_nobody_tells_is_none(tmp_path: Path) -> None:
    assert available_bytes(tmp_path / "none") == 0
    assert field_bytes("MemFree: 1 kB\n", "MemAvailable") is None
    assert "0 MiB" in room.lack(APIS, APIS, Layout(tmp_path), tmp_path / "none")


@pytest.mark.parametrize(
    ("processes", "size", "together", "alone"),
    [
        ("1", "10", True, True),
        ("2", "10", True, True),
        # Three doubled at once would take 280, one after another at most 200.
        ("4", "10", False, True),
        ("4", "11", False, False),
        ("4", "many", False, False),
    ],
)
def test_postgresql_takes_the_connections_of_all_that_run_then(
    meminfo: Path, tmp_path: Path, processes: str, size: str, together: bool, alone: bool
) -> None:
    (tmp_path / ".env").write_text(f"WEB_CONCURRENCY={processes}\n")
    layout = Layout(tmp_path)
    # A file of the setting's name comes first.
    (layout.settings_folder / "DATABASE_POOL_SIZE").write_text(f"{size}\n")
    assert (room.lack(APIS, APIS, layout, meminfo) == "") is together
    assert (room.lack(APIS[:1], APIS, layout, meminfo) == "") is alone


def test_the_limit_of_connections_is_that_of_the_compose_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert re.findall(r"max_connections=(\d+)", text) == [str(room.POSTGRES_CONNECTIONS)]
    settings = (ROOT / "service-kit/service_kit/settings.py").read_text()
    assert re.search(r"database_pool_size: int = Field\((\d+)", settings)[1] == "10"  # type: ignore[index]
    assert re.search(r"web_concurrency: int = Field\((\d+)", settings)[1] == "1"  # type: ignore[index]
