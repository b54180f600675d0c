"""schemathesis against a service that this process serves: its answers are those of its document."""

import asyncio
import json
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from service_kit.web.connections import BoundedProtocol
from tests.kit.test_bodies import Server

CONFIG = Path(__file__).with_name("schemathesis.toml")

Headers = dict[str, str]


def bearer(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}"}


@dataclass
class Trial:
    """What schemathesis is to know of a service, and which operations (``GET /api/v1/events``) it tries:
    all, ``only`` some, or all ``but`` some.

    ``headers`` go with each request, unless ``headers_of`` has others for the operation. ``known`` are
    values that exist, by the place of a parameter (``path.event_id``, ``body.seat_ids[*]``); half of
    the requests use them.
    """

    headers: Headers
    headers_of: dict[str, Headers] = field(default_factory=dict)
    known: dict[str, list[str]] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    @property
    def options(self) -> list[str]:
        named = {"--include-name": self.only, "--exclude-name": self.but}
        return [
            part for option, names in named.items() for name in names for part in (option, name)
        ]

    def config(self) -> str:
        """In TOML, whose strings are those of JSON."""
        lines = [CONFIG.read_text(), f"[headers]\n{_table(self.headers)}"]
        for name, values in self.known.items():
            word = re.sub(r"\W+", "-", name).strip("-")
            lines.append(f"[dictionaries.{word}]\nvalues = {json.dumps(values)}")
            lines.append(f"[parameters.{json.dumps(name)}]\ndictionary = {json.dumps(word)}")
            lines.append("probability = 0.5")
        for name, headers in self.headers_of.items():
            operation = f"[[operations]]\ninclude-name = {json.dumps(name)}"
            lines.append(f"{operation}\n[operations.headers]\n{_table(headers)}")
        return "\n".join(lines)


def _table(entries: Headers) -> str:
    return "\n".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in entries.items())


async def faults_of(app: FastAPI, trials: list[Trial], folder: Path) -> str:
    """What schemathesis says of a service with 60 examples an operation; empty if it finds nothing."""
    config = folder / "schemathesis.toml"
    faults = []
    async with _serving(app) as port:
        for trial in trials:
            config.write_text(trial.config())
            address = f"http://localhost:{port}/openapi.json"
            faults.append(await _run(config, address, *trial.options))
    return "".join(faults)


@asynccontextmanager
async def _serving(app: FastAPI) -> AsyncIterator[int]:
    """The port."""
    # Without the protocol's name asyncio leaves Nagle's algorithm on, and each answer takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(app, http=BoundedProtocol, lifespan="off", log_config=None)
        server = Server(config)
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def _run(config: Path, address: str, *options: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", address,
        "--no-color", *options,
        cwd=config.parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return "" if process.returncode == 0 else output.decode(errors="replace")
