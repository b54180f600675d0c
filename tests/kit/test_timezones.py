"""Time zones by the rules of the pinned ``tzdata``, whatever the machine's say."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from babel.dates import get_timezone
from icalendar.timezone import tzp

import service_kit
from notification_service.rendering.formats import formats_for
from service_kit.calendar_files import Appointment, Entry, calendar_file
from service_kit.timezones import zone_of

ROOT = Path(service_kit.__file__).resolve().parents[2]
# Their rules of 2026 and later are not those of older machines.
MOVED = ("America/Vancouver", "Africa/Casablanca", "Africa/El_Aaiun")
MOMENTS = [datetime(2027, month, 10, 12, tzinfo=UTC) for month in range(1, 13)]
# What each process imports, whether it serves, works, relays or tells the time to people.
PROCESSES = [
    "service_kit.calendar_files",
    "auth_service.main",
    "auth_service.relay",
    "event_service.main",
    "event_service.relay",
    "notification_service.main",
    "notification_service.tasks",
    "notification_service.maintenance",
    "stack.demo",
]
OFFSETS = """
import importlib, json, sys
from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones
module, moment, *names = sys.argv[1:]
if module:
    importlib.import_module(module)
at = datetime.fromisoformat(moment)
offsets = [at.astimezone(ZoneInfo(name)).utcoffset().total_seconds() for name in names]
print(json.dumps({"offsets": offsets, "names": len(available_timezones())}))
"""


@cache
def pinned(name: str) -> ZoneInfo:
    """By the file in the package, which nothing stands before."""
    area, _, rest = name.rpartition("/")
    package = ".".join(["tzdata.zoneinfo", *(part for part in area.split("/") if part)])
    with resources.files(package).joinpath(rest).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def pinned_names() -> set[str]:
    return set(resources.files("tzdata").joinpath("zones").read_text().split())


def test_all_zones_are_those_of_the_package() -> None:
    assert available_timezones() == pinned_names()
    other = {
        name
        for name in pinned_names()
        for at in MOMENTS
        if at.astimezone(ZoneInfo(name)).utcoffset() != at.astimezone(pinned(name)).utcoffset()
    }
    assert other == set()


@pytest.mark.parametrize("name", MOVED)
def test_mails_and_calendar_files_have_its_hours(name: str) -> None:
    """Babel and icalendar look zones up by themselves too."""
    at = MOMENTS[0]
    meant = at.astimezone(pinned(name))
    for found in (zone_of(name), tzp.timezone(name)):
        assert at.astimezone(found).utcoffset() == meant.utcoffset()
    formats = formats_for("en")
    assert formats.time(at, zone_of(name)) == f"{meant:%H:%M}"
    assert formats.offset(at, zone_of(name)).startswith("UTC")
    assert at.astimezone(get_timezone(name)).utcoffset() == meant.utcoffset()
    appointment = Appointment("Title", "Hall", "", name, at, at + timedelta(hours=2))
    content = calendar_file(appointment, [Entry("1@x", "https://x/")], status="CONFIRMED", at=at)
    assert f"DTSTART;TZID={name}:{meant:%Y%m%dT%H%M%S}\r\n".encode() in content


@pytest.fixture(scope="module")
def wrong_rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine of which each of these zones has a rule that no place ever had."""
    folder = tmp_path_factory.mktemp("zoneinfo")
    wrong = resources.files("tzdata.zoneinfo.Etc").joinpath("GMT+12").read_bytes()
    for name in (*MOVED, "Europe/Berlin", "Europe/Nowhere"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(wrong)
    return folder


def told_by(module: str, folder: Path) -> dict[str, object]:
    names = [*MOVED, "Europe/Berlin"]
    paths = ("service-kit", "auth-service", "event-service", "notification-service", "scripts")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONTZPATH": str(folder),
        "PYTHONPATH": os.pathsep.join(str(ROOT / path) for path in paths),
        "ENVIRONMENT": "development",
        "DATABASE_URL": "postgresql+asyncpg://nobody@localhost/none",
        "CACHE_REDIS_URL": "redis://localhost:1/0",
        "BROKER_URL": "redis://localhost:1/0",
        "SMTP_URL": "smtp://localhost",
        "MAIL_FROM": "Parterre <tickets@parterre.example>",
    }
    command = [sys.executable, "-c", OFFSETS, module, MOMENTS[0].isoformat(), *names]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("module", PROCESSES)
def test_no_process_looks_at_the_machines_rules(module: str, wrong_rules: Path) -> None:
    meant = [MOMENTS[0].astimezone(pinned(name)).utcoffset() for name in (*MOVED, "Europe/Berlin")]
    assert told_by(module, wrong_rules) == {
        "offsets": [offset.total_seconds() for offset in meant if offset is not None],
        "names": len(pinned_names()),
    }


def test_a_process_that_looks_at_them_would_be_found(wrong_rules: Path) -> None:
    """The negative control."""
    assert told_by("", wrong_rules)["offsets"] == [-12 * 3600.0] * 4
