"""``scripts/test``: pytest on a PostgreSQL and a Redis of its own, which end with it."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from stack.errors import StackError
from stack.ports import free_port
from stack.postgres import Postgres
from stack.processes import Process, Program
from stack.records import MARK, end_marked, end_recorded, find_recorded, record
from stack.redis import Redis

ROOT = Path(__file__).resolve().parents[2]
WORKERS = "4"
PREFIX = "parterre-test-"
OWNER = "owner.json"


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """Variables that tell tests where the servers are; durable enough for what a test shows."""
    password = secrets.token_hex(16)
    postgres = Postgres(folder / "postgres", port=free_port(), password=password, durable=False)
    redis = Redis("redis", folder / "redis", port=free_port(), password=password, is_broker=True)
    postgres.initialise()
    running: list[Process] = []
    try:
        for program in (postgres.program(), redis.program()):
            running.append(_start(program, folder))
        for process in running:
            process.wait_until_ready()
        yield {"TEST_POSTGRES_URL": postgres.url(), "TEST_REDIS_URL": redis.url}
    finally:
        for process in reversed(running):
            process.stop()


def _start(program: Program, folder: Path) -> Process:
    process = Process(program, run_dir=folder, log_dir=folder, cwd=folder)
    process.start()
    return process


def create_database(postgres_url: str, name: str) -> str:
    """An empty database; its address."""

    async def create() -> None:
        connection = await asyncpg.connect(postgres_url)
        await connection.execute(f'CREATE DATABASE "{name}"')
        await connection.close()

    asyncio.run(create())
    return urlsplit(postgres_url)._replace(path=f"/{name}").geturl()


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """Where a run keeps everything; what runs there at the end, ends, also if a test left it."""
    sweep_up()
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # As root PostgreSQL runs as nobody, who has to get in.
        folder.chmod(0o711)
        record(folder / OWNER, os.getpid())
        try:
            yield folder
        finally:
            end_marked(folder)


def sweep_up() -> None:
    """Ends and removes what runs have left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if (folder / OWNER).exists() and find_recorded(folder / OWNER) is None:
            for file in folder.glob("*.json"):
                end_recorded(file)
            end_marked(folder)
            shutil.rmtree(folder, ignore_errors=True)


def run(arguments: list[str]) -> int:
    with own_folder() as folder, servers(folder) as variables:
        pytest = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-n", WORKERS, *arguments],
            env=os.environ | variables | {"TMPDIR": str(folder), MARK: str(folder / "pytest")},
            cwd=ROOT,
        )
        # Ctrl-C reaches pytest as well; it ends first and says what it has. A caller's SIGTERM is
        # made the same, since pytest would heed that without ending its fixtures.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for signum in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, lambda *_: pytest.send_signal(signal.SIGINT))
        return pytest.wait()


def main() -> None:
    try:
        sys.exit(run(sys.argv[1:]))
    except StackError as error:
        sys.exit(f"test: {error}")


if __name__ == "__main__":
    main()
