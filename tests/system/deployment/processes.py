"""The drill's own processes on this machine: the mail server and the load."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from tests.system.deployment.host import ROOT
from tests.system.deployment.load import Configuration
from tests.system.deployment.records import Booking, Request, read_requests

READY_SECONDS = 180.0
END_SECONDS = 60.0
PATHS = ("service-kit", "scripts", ".")


@contextmanager
def process(module: str, *arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``python -m MODULE`` with its output in ``log``; asked to end at the end of the block."""
    path = os.pathsep.join(str(ROOT / part) for part in PATHS)
    with log.open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, "PYTHONPATH": path},
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
        )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


class Load:
    """People at work on a deployed Parterre."""

    def __init__(self, configuration: Configuration, folder: Path) -> None:
        self.configuration = configuration
        self._folder = folder
        self._log = folder / "load.log"
        self._process: subprocess.Popen[bytes]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everybody is signed in at the start of the block, and gone at its end."""
        file = self._folder / "load.json"
        file.write_text(json.dumps(asdict(self.configuration)))
        with process("tests.system.deployment.load", str(file), log=self._log) as started:
            deadline = time.monotonic() + READY_SECONDS
            while "ready" not in self._log.read_text():
                assert started.poll() is None, self._log.read_text()[-4000:]
                assert time.monotonic() < deadline, f"not ready: {self._log.read_text()[-4000:]}"
                time.sleep(0.1)
            self._process = started
            yield

    @property
    def requests(self) -> list[Request]:
        return read_requests(Path(self.configuration.requests))

    def take_stock(self) -> tuple[list[Booking], int]:
        """The bookings that it was told of, and the seats that the events count as sold or held, when
        all that was under way is answered. Once in a block; the load goes on afterwards."""
        self._process.send_signal(signal.SIGUSR1)
        file, deadline = Path(self.configuration.result), time.monotonic() + END_SECONDS
        while not file.exists():
            assert self._process.poll() is None, self._log.read_text()[-4000:]
            assert time.monotonic() < deadline, "requests do not end"
            time.sleep(0.1)
        result = json.loads(file.read_text())
        bookings = [Booking(**booking) for booking in result["bookings"]]
        return bookings, sum(result["sold"].values())
