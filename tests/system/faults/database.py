"""A PostgreSQL of a test's own, with a service's tables, which can be stopped and started."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from stack.ports import free_port
from stack.postgres import Postgres
from stack.processes import Process
from tests.conftest import _migrate, for_sqlalchemy
from tests.processes import OneProcess
from tests.system.faults.pipeline import until


@dataclass
class OwnPostgres:
    url: str
    process: Process

    async def stop(self) -> None:
        await asyncio.to_thread(self.process.stop)

    async def start(self) -> None:
        self.process.start()
        await asyncio.to_thread(self.process.wait_until_ready)


@contextlib.asynccontextmanager
async def own_postgres(service: str) -> AsyncIterator[OwnPostgres]:
    with tempfile.TemporaryDirectory(prefix="own-postgres-") as name:
        folder = Path(name)
        # As root the server runs as nobody.
        folder.chmod(0o711)
        server = Postgres(folder / "data", port=free_port(), password="test", durable=False)
        await asyncio.to_thread(server.initialise)
        process = Process(server.program(), run_dir=folder, log_dir=folder, cwd=folder)
        own = OwnPostgres(for_sqlalchemy(server.url()), process)
        try:
            await own.start()
            await asyncio.to_thread(_migrate, service, server.url())
            yield own
        finally:
            await own.stop()


@contextlib.contextmanager
def api(module: str, environment: dict[str, str], log: Path) -> Iterator[tuple[OneProcess, str]]:
    """A service as a process of its own, and its address."""
    port = free_port()
    command_environment = {**environment, "HOST": "127.0.0.1", "PORT": str(port)}
    process = OneProcess([sys.executable, "-m", module], command_environment, log)
    with process:
        yield process, f"http://127.0.0.1:{port}"


@dataclass
class Callers:
    """Some who ask again and again, each in turn, until the block ends."""

    base_url: str
    answers: list[httpx.Response] = field(default_factory=list)

    @property
    def unavailable(self) -> list[httpx.Response]:
        return [answer for answer in self.answers if answer.status_code == 503]

    def answered(self, *statuses: int, since: int = 0) -> int:
        return sum(answer.status_code in statuses for answer in self.answers[since:])

    @contextlib.asynccontextmanager
    async def asking(
        self, ask: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]], *, number: int = 6
    ) -> AsyncIterator[None]:
        stop = asyncio.Event()

        async def one() -> None:
            async with httpx.AsyncClient(base_url=self.base_url, timeout=60) as client:
                while not stop.is_set():
                    self.answers.append(await ask(client))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(number):
                tasks.create_task(one())
            try:
                yield
            finally:
                stop.set()


async def restart_under(callers: Callers, postgres: OwnPostgres, *, good: int) -> None:
    """Stops PostgreSQL while callers get their answers, starts it when they are refused, and returns when
    they get them again."""
    await until(lambda: callers.answered(good) >= 10, "callers are served")
    await postgres.stop()
    await until(lambda: len(callers.unavailable) >= 6, "callers are refused")
    await postgres.start()
    since = len(callers.answers)
    await until(lambda: callers.answered(good, since=since) >= 20, "callers are served again")


async def is_up(base_url: str) -> None:
    async def live() -> bool:
        async with httpx.AsyncClient() as client:
            with contextlib.suppress(httpx.TransportError):
                return (await client.get(f"{base_url}/health/live")).status_code == 200
        return False

    await until(live, "the service starts")


def check_answers(callers: Callers, *good: int) -> None:
    """Whoever was not served was told when to come again, in the form of every problem."""
    others: list[Any] = [
        (answer.status_code, answer.text)
        for answer in callers.answers
        if answer.status_code not in (*good, 503)
    ]
    assert others == []
    assert callers.unavailable
    for answer in callers.unavailable:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:problem:unavailable"
        assert int(answer.headers["retry-after"]) >= 1
