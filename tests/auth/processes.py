"""auth-service's commands as processes of their own."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from auth_service.settings import Settings
from tests.conftest import SECRET

ROOT = Path(__file__).resolve().parents[2]
Done = subprocess.CompletedProcess[str]


def environment(settings: Settings) -> dict[str, str]:
    return {
        "PYTHONPATH": ":".join(sys.path),
        "ENVIRONMENT": "test",
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "CACHE_REDIS_URL": settings.cache_redis_url.get_secret_value(),
        "BROKER_URL": settings.broker_url.get_secret_value(),
        "SECRET_KEY": SECRET,
        "VERIFICATION_TOKEN_SECRET": f"{SECRET}-verification",
        "RESET_PASSWORD_TOKEN_SECRET": f"{SECRET}-reset",
    }


def run(settings: Settings, module: str, *arguments: str) -> Done:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment(settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


class Command:
    """A command's ``main`` in this process, in a thread, since it has an event loop of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    async def __call__(self, main: Callable[[], None], settings: Settings, *arguments: str) -> Done:
        for name, value in environment(settings).items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setattr(sys, "argv", ["command", *arguments])
        self._capsys.readouterr()
        try:
            await asyncio.to_thread(main)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        told = self._capsys.readouterr()
        return Done(arguments, code, told.out, told.err)


class Served:
    """The API on a port of its own, for clients that want a real server."""

    def __init__(self, app: FastAPI) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, loop="asyncio")
        )
        self._thread = threading.Thread(target=self._server.run)

    async def __aenter__(self) -> str:
        self._thread.start()
        async with asyncio.timeout(10):
            while not self._server.started:
                await asyncio.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        await asyncio.to_thread(self._thread.join)
