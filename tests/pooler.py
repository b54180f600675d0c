"""PgBouncer as deploy/k8s has it, before a PostgreSQL of the tests: ./scripts/pgbouncer-install gets it."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from stack.health import answers
from stack.ports import free_port
from tests.processes import OneProcess

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = ROOT / "deploy" / "k8s" / "base" / "pgbouncer" / "pgbouncer.ini"
# The first that follows prepared statements in transaction mode.
OLDEST = (1, 21)
NONE = "no PgBouncer 1.21 or newer: ./scripts/pgbouncer-install"
START_SECONDS = 20.0


@cache
def find_pgbouncer() -> str | None:
    """The program, if it is new enough."""
    for program in (shutil.which("pgbouncer"), str(ROOT / "var" / "pgbouncer" / "pgbouncer")):
        if program and Path(program).exists():
            done = subprocess.run([program, "--version"], capture_output=True, text=True)
            version = re.match(r"PgBouncer (\d+)\.(\d+)", done.stdout)
            if version and (int(version[1]), int(version[2])) >= OLDEST:
                return program
    return None


def configuration(targets: Mapping[str, str], folder: Path, port: int, **changes: str) -> str:
    """deploy/k8s's own, for the databases of ``targets`` (its name for each, and the URL of the test's),
    with other values for ``changes``."""
    text = CONFIGURATION.read_text()
    for name, url in targets.items():
        found = urlsplit(url)
        there = f"host={found.hostname} port={found.port} dbname={found.path.strip('/')}"
        text = re.sub(rf"^{name} = host=\S+", f"{name} = {there}", text, flags=re.MULTILINE)
    # As root it does not run.
    user = {"user": "nobody"} if os.getuid() == 0 else {}
    users = {"auth_file": str(folder / "users.txt"), "listen_port": str(port)}
    for name, value in ({"listen_addr": "127.0.0.1"} | users | user | changes).items():
        text = re.sub(rf"^{name} =.*\n", "", text, flags=re.MULTILINE) + f"{name} = {value}\n"
    return text


@contextmanager
def pooled(targets: Mapping[str, str], folder: Path, **changes: str) -> Iterator[dict[str, str]]:
    """PgBouncer for the time of a block; gives the URLs of ``targets`` through it."""
    program = find_pgbouncer()
    assert program
    port = free_port()
    accounts = {urlsplit(url).username: urlsplit(url).password for url in targets.values()}
    (folder / "users.txt").write_text("".join(f'"{a}" "{b or ""}"\n' for a, b in accounts.items()))
    (folder / "pgbouncer.ini").write_text(configuration(targets, folder, port, **changes))
    for readable in (folder, *folder.parents):
        if os.getuid() == 0 and readable.is_relative_to("/tmp") and readable != Path("/tmp"):
            readable.chmod(readable.stat().st_mode | 0o011)
    process = OneProcess([program, str(folder / "pgbouncer.ini")], {}, folder / "pgbouncer.log")
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(f"tcp://127.0.0.1:{port}"):
            assert time.monotonic() < deadline and process.is_running, process.log.read_text()
            time.sleep(0.05)
        yield {
            name: urlsplit(url)
            ._replace(netloc=f"{urlsplit(url).netloc.rpartition(':')[0]}:{port}", path=f"/{name}")
            .geturl()
            for name, url in targets.items()
        }
    finally:
        process.kill()
