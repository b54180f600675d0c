"""Workers as processes of their own."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stack.ports import free_port
from stack.programs import WORKER_OPTIONS
from tests.processes import OneProcess

ROOT = Path(__file__).resolve().parents[3]
WORKER_PROCESSES = 2
PATHS = [ROOT, ROOT / "service-kit", ROOT / "notification-service"]


def start_worker(
    options: Mapping[str, Any], log: Path, *, module: str = "notification_service.tasks"
) -> OneProcess:
    """A real worker of two processes, with the options that ship. ``module`` is another where a
    guard is to be missing."""
    arguments = [*WORKER_OPTIONS, "--concurrency", str(WORKER_PROCESSES)]
    arguments += ["--hostname", f"{log.stem}-{free_port()}@tests"]
    command = [sys.executable, "-m", "celery", "-A", module, "worker", *arguments]
    return OneProcess(command, as_environment(options), log)


def as_environment(options: Mapping[str, Any]) -> dict[str, str]:
    values = {
        name.upper(): ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in options.items()
    }
    return {**values, "PYTHONPATH": os.pathsep.join(map(str, PATHS)), "PYTHONUNBUFFERED": "1"}
