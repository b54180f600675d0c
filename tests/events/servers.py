"""event-service as processes of its own, which can be killed, and the keys that they ask for."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from event_service.settings import Settings
from stack.ports import free_port
from stack.records import TAG
from tests.events.conftest import fetch_test_keys

ROOT = Path(__file__).resolve().parents[2]
PATHS = [ROOT, ROOT / "service-kit", ROOT / "event-service"]
# Starting takes a second; where this is the limit, the machine is to blame.
PATIENCE_SECONDS = 60.0
SERVICE = "event_service"


class _Keys(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(asyncio.run(fetch_test_keys())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def serving_keys() -> Iterator[str]:
    """The address of somebody who has the tests' public key, as auth-service would."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Keys) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Server:
    """One process; its port stays the same when it is started again."""

    def __init__(self, module: str, environment: Mapping[str, str], log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._module = module
        self._environment = {**environment, "HOST": "127.0.0.1", "PORT": str(self.port)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                env=self._environment,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def is_ready(self) -> None:
        """Returns when it serves."""
        async with asyncio.timeout(PATIENCE_SECONDS), httpx.AsyncClient() as client:
            while True:
                assert self.is_running, self.log.read_text()
                try:
                    if (await client.get(f"{self.url}/health/ready")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.05)

    def kill(self) -> None:
        """It gets to say nothing."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def ask_to_end(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    async def has_ended(self) -> int:
        """The exit code of one that was asked to end."""
        assert self._process is not None
        return await asyncio.to_thread(self._process.wait, PATIENCE_SECONDS)

    def end(self) -> None:
        if self.is_running:
            self.kill()


class Servers:
    """Makes servers of one database, and ends them all."""

    def __init__(self, keys_url: str, folder: Path) -> None:
        self._keys_url = keys_url
        self._folder = folder
        self.made: list[Server] = []

    async def start(
        self, settings: Settings, count: int = 2, *, module: str = SERVICE, **more: str
    ) -> list[Server]:
        """``more`` are variables of the environment."""
        log = self._folder / "server{}.log"
        begin = len(self.made)
        servers = [
            Server(module, self.environment(settings) | more, Path(str(log).format(begin + number)))
            for number in range(count)
        ]
        self.made += servers
        for server in servers:
            server.start()
        await asyncio.gather(*(server.is_ready() for server in servers))
        return servers

    def environment(self, settings: Settings) -> dict[str, str]:
        """Of any process of event-service."""
        passed = {name: os.environ[name] for name in ("PATH", TAG) if name in os.environ}
        return passed | {
            "PYTHONPATH": os.pathsep.join(map(str, PATHS)),
            "ENVIRONMENT": "test",
            "LOG_LEVEL": "WARNING",
            "RATE_LIMIT_ENABLED": "false",
            "AUTH_SERVICE_URL": self._keys_url,
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "CACHE_REDIS_URL": settings.cache_redis_url.get_secret_value(),
            "BROKER_URL": settings.broker_url.get_secret_value(),
            "DATABASE_POOL_TIMEOUT_SECONDS": str(settings.database_pool_timeout_seconds),
            "LOCK_TIMEOUT_SECONDS": str(settings.lock_timeout_seconds),
            "STATEMENT_TIMEOUT_SECONDS": str(settings.statement_timeout_seconds),
            "HOLD_SECONDS": str(settings.hold_seconds),
        }


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with serving_keys() as url:
        made = Servers(url, tmp_path)
        yield made
        for server in made.made:
            server.end()
