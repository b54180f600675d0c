"""``scripts/test``: pytest on a PostgreSQL and a Redis of its own, which end with it."""

import asyncio
import contextlib
import os
import secrets
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
from stack.redis import Redis

ROOT = Path(__file__).resolve().parents[2]
WORKERS = "4"


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


def run(arguments: list[str]) -> int:
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="parterre-test-") as folder:
        # As root PostgreSQL runs as nobody, who has to get in.
        os.chmod(folder, 0o711)
        with servers(Path(folder)) as variables:
            command = [sys.executable, "-m", "pytest", "-n", WORKERS]
            pytest = subprocess.Popen([*command, *arguments], env=os.environ | variables)
            # Ctrl-C reaches pytest as well; it ends first and says what it has.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, lambda *_: pytest.terminate())
            return pytest.wait()


def main() -> None:
    try:
        sys.exit(run(sys.argv[1:]))
    except StackError as error:
        sys.exit(f"test: {error}")


if __name__ == "__main__":
    main()
