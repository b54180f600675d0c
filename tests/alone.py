"""Tests that measure time run when the others are done, one at a time.

A measure beside three other workers on two cores says how busy these are. ``@pytest.mark.alone``
puts a test last and gives it the machine: each test holds a lock that all share, it holds it by itself.
"""

import fcntl
import os
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

MARK = "alone"


def is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker(MARK) is not None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    # The folder is the run's own, for all its workers.
    lock = os.open(Path(tempfile.gettempdir()) / "alone.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX if is_alone(item) else fcntl.LOCK_SH)
        return (yield)
    finally:
        os.close(lock)
