"""The lock of a host: whoever changes its running containers holds it, and others learn who that is."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from deployment.errors import CommandFailed
from deployment.layout import Layout


@contextmanager
def hold_lock(layout: Layout, work: str, **details: str) -> Iterator[None]:
    """Hold the host's lock for ``work``, such as "deployment of 1.4.0".

    The kernel frees it when the process ends, however it ends. Raises CommandFailed if it is taken.
    """
    layout.var.mkdir(parents=True, exist_ok=True)
    # Python opens it so that programs that are started meanwhile do not inherit it.
    descriptor = os.open(layout.lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandFailed(in_the_way(read_holder(layout))) from None
        holder = {
            "work": work,
            "pid": os.getpid(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            **details,
        }
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(holder).encode())
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def work_of(version: str, *, is_rollback: bool) -> str:
    """What the holder of the lock calls itself who brings a version into use."""
    return f"{'rollback to' if is_rollback else 'deployment of'} {version}"


def read_holder(layout: Layout) -> dict[str, Any]:
    """Who holds the lock: ``work``, ``pid``, ``since`` and details; empty if nobody does."""
    try:
        descriptor = os.open(layout.lock, os.O_RDONLY)
    except FileNotFoundError:
        return {}
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return {}
    except BlockingIOError:
        text = os.read(descriptor, 4096).decode()
    finally:
        os.close(descriptor)
    # Empty for a moment, between taking the lock and writing who took it.
    holder: dict[str, Any] = json.loads(text) if text else {"work": "something"}
    return holder


def in_the_way(holder: dict[str, Any]) -> str:
    """One line about the holder of the lock."""
    details = f" (since {holder['since']}, process {holder['pid']})" if "since" in holder else ""
    return f"{holder.get('work', 'something')} is under way here{details}; wait for its end"
