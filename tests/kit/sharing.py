"""Processes that show their metrics through the files of one folder."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def shared_by(folder: Path) -> dict[str, str]:
    """The environment of such a process."""
    return {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}


@contextmanager
def running(program: str, folder: Path) -> Iterator[int]:
    """The program says by a line that it runs, and ends with its input when the block does. Gives the
    number of its process."""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=shared_by(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process.pid
        process.communicate()
