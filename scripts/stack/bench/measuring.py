"""What every part of the bench measures with."""

import json
from collections.abc import Callable
from pathlib import Path

import psutil

from stack.bench import load
from stack.bench.surroundings import BenchStack, Organizer, Signer
from stack.errors import StackError


class Bench:
    def __init__(self, stack: BenchStack, signer: Signer, seconds: int, folder: Path) -> None:
        self.stack = stack
        self.signer = signer
        self.seconds = seconds
        self.folder = folder
        self.port = stack.ports["event"]
        self.organizer = Organizer(stack, signer)

    def measure(
        self, request: Callable[[], bytes | None], *, connections: int, port: int | None = None
    ) -> load.Measured:
        # What runs for the first time has caches to fill; that is not what is asked.
        load.run(port or self.port, request, connections=connections, seconds=1)
        found = load.run(port or self.port, request, connections=connections, seconds=self.seconds)
        if set(found.statuses) - {200, 201}:
            raise StackError(f"bench: unexpected answers {dict(found.statuses)}")
        return found

    def tokens(self, people: int) -> list[str]:
        return [self.signer.token() for _ in range(people)]

    def database_url(self) -> str:
        password = self.stack.secrets["event-database"]
        return f"postgresql://events:{password}@127.0.0.1:{self.stack.ports['postgres']}/events"

    def memory_megabytes(self) -> float:
        pid = self.stack.processes["event"].pid
        return psutil.Process(pid).memory_info().rss / 1_048_576 if pid else 0.0


def booking_body(event_id: str) -> bytes:
    return json.dumps({"event_id": event_id, "quantity": 1}).encode()
