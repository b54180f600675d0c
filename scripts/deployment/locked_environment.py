"""A tool's own virtual environment, made from its lock: its packages must not come near the services'."""

import fcntl
import hashlib
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from deployment.engine import run
from deployment.errors import CommandFailed


def make_environment(
    folder: Path,
    lock: Path,
    *,
    seconds: float,
    pip_options: tuple[str, ...] = (),
    on_install: Callable[[], None] = lambda: None,
) -> Path:
    """The folder of its programs; installed at the first call, and when the lock, the Python or the
    place has changed. ``on_install`` is called before that. Of two calls at once one waits for the
    other. Raises CommandFailed with what pip said.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside it: the folder itself is cleared.
    with folder.with_name(f"{folder.name}.lock").open("a") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        return _make(folder, lock, seconds, pip_options, on_install)


def _make(
    folder: Path,
    lock: Path,
    seconds: float,
    pip_options: tuple[str, ...],
    on_install: Callable[[], None],
) -> Path:
    stamp, programs = folder / "stamp", folder / "bin"
    sum_ = hashlib.sha256(lock.read_bytes()).hexdigest()
    # A virtual environment cannot be moved, nor has it a Python of its own.
    wanted = f"{sys.version_info[:3]} {sys.base_prefix} {folder.resolve()} {sum_}\n"
    python = programs / "python"
    if stamp.exists() and stamp.read_text() == wanted and python.exists():
        return programs
    on_install()
    try:
        venv.create(folder, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CommandFailed(f"{folder} cannot be made: {error}; is python3-venv here?") from None
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    options = ("--require-hashes", "--no-deps", *pip_options)
    run([*pip, *options, "-r", str(lock)], seconds=seconds, with_errors=True)
    stamp.write_text(wanted)
    return programs
