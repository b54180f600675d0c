"""One supervisor for a folder: started in the foreground or behind, found and told to stop."""

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import psutil

from stack import demo
from stack.errors import StackError
from stack.mail_server import remark as mail_server_remark
from stack.postgres import needs_passage
from stack.programs import python
from stack.records import find_recorded, has_ended, record, write_atomically
from stack.services import AUTH
from stack.summary import write_summary
from stack.supervisor import Stack, forget, free_megabytes

NEEDED_MEGABYTES = 300
START_SECONDS = 240.0
STOP_SECONDS = 180.0
POLL_SECONDS = 0.05
OWN_FOLDERS = ("log", "run")

Say = Callable[[str], None]


def record_of(var: Path) -> Path:
    return var / "run" / "supervisor.json"


def ready_mark(var: Path) -> Path:
    return var / "run" / "ready"


def is_ready(var: Path, supervisor: int) -> bool:
    """Whether the supervisor with this process id has said so; the mark of a killed one may lie."""
    try:
        return ready_mark(var).read_text() == str(supervisor)
    except FileNotFoundError:
        return False


def progress_log(var: Path) -> Path:
    return var / "log" / "up.log"


def find_supervisor(var: Path) -> psutil.Process | None:
    return find_recorded(record_of(var))


def close_to_others(var: Path) -> None:
    """Makes the folder, and lets nobody else read in it: logs and records hold passwords."""
    var.mkdir(parents=True, exist_ok=True)
    var.chmod(0o711 if needs_passage() else 0o700)
    inside = [var / name for name in OWN_FOLDERS]
    for child in [*var.iterdir(), *(file for folder in inside for file in folder.glob("*"))]:
        # What earlier versions left; a server's data folder is the affair of that server.
        with contextlib.suppress(FileNotFoundError):
            if child.is_file():
                child.chmod(0o600)
            elif child in inside:
                child.chmod(0o700)


@contextlib.contextmanager
def only_supervisor(var: Path) -> Iterator[None]:
    """While this process is the supervisor, others can find it, and cannot be it too."""
    close_to_others(var)
    with (var / "lock").open("w") as lock:
        try:
            # Free again when this process ends, however it ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                "another ./scripts/up is at work here; see ./scripts/status."
            ) from None
        record_of(var).parent.mkdir(parents=True, exist_ok=True)
        record(record_of(var), os.getpid())
        try:
            yield
        finally:
            record_of(var).unlink(missing_ok=True)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """The first signal to end becomes KeyboardInterrupt; while that is heeded, others change
    nothing."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: Any) -> None:
        for signum in signals:
            signal.signal(signum, signal.SIG_IGN)
        raise KeyboardInterrupt

    for signum in signals:
        signal.signal(signum, interrupt)
    yield


def supervise(var: Path, *, fresh: bool, with_demo: bool, is_behind: bool, say: Say) -> int:
    """Runs the stack until a signal ends it; an exit code. Raises StackError.

    Behind, what it says goes to a log, and the summary with its passwords does not."""
    began = time.monotonic()
    with interruptible(), only_supervisor(var):
        if free_megabytes(var) < NEEDED_MEGABYTES:
            raise StackError(f"{var} has less than {NEEDED_MEGABYTES} MB left: free some space.")
        if fresh:
            say("Forgetting the data of earlier runs ...")
            forget(var)
        stack = Stack(var, caller=os.environ, say=say)
        try:
            stack.start()
            accounts = fill_with_demo(stack, say) if with_demo else ()
            write_summary(stack, var, accounts)
            mails = mail_server_remark(os.environ.get("SMTP_URL", ""))
            if mails:
                say(mails)
            say(f"Ready in {time.monotonic() - began:.0f} s.\n")
            if not is_behind:
                say((var / "summary.txt").read_text())
                say("Ctrl-C stops everything.")
            write_atomically(ready_mark(var), str(os.getpid()))
            stack.group.watch(until=threading.Event())
        except KeyboardInterrupt:
            say("Stopping ...")
            return 0 if is_ready(var, os.getpid()) else 130
        finally:
            ready_mark(var).unlink(missing_ok=True)
            stack.stop()
    return 0


def fill_with_demo(stack: Stack, say: Say) -> Sequence[demo.Account]:
    say("Filling in demo accounts and events ...")
    addresses = demo.Addresses(auth=stack.url("auth"), event=stack.url("event"))
    environment = stack.environments.of(AUTH)

    def admin(arguments: list[str]) -> None:
        subprocess.run(
            python("auth_service.admin", *arguments),
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    return demo.fill(addresses, admin, say)


def supervise_behind(var: Path, arguments: Sequence[str], say: Say) -> int:
    """Starts a supervisor of its own, and repeats what it says until all is ready."""
    close_to_others(var)
    progress_log(var).parent.mkdir(exist_ok=True)
    with progress_log(var).open("wb") as log:
        child = subprocess.Popen(
            python("stack.cli", "up", "--supervise", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with progress_log(var).open() as log:
            return _follow(var, log, child, say)
    except BaseException:
        child.terminate()
        child.wait(STOP_SECONDS)
        raise


def _follow(var: Path, log: TextIO, child: subprocess.Popen[bytes], say: Say) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        ended, ready = child.poll(), is_ready(var, child.pid)
        for line in log:
            say(line.rstrip("\n"))
        if ended is not None:
            return ended or 1
        if ready:
            say((var / "summary.txt").read_text())
            return 0
        time.sleep(POLL_SECONDS)
    raise StackError(f"not ready after {START_SECONDS:.0f} s; see {progress_log(var).parent}.")


def join(var: Path, supervisor: psutil.Process, ignored: Sequence[str], say: Say) -> int:
    """Waits until what somebody else has started is ready, and shows where it is. ``ignored`` are
    wishes that only a new start could fulfil."""
    if not is_ready(var, supervisor.pid):
        say("Another ./scripts/up is starting it; waiting ...")
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(var, supervisor.pid):
        if not supervisor.is_running() or time.monotonic() > deadline:
            raise StackError("what ran here has not become ready; try again.")
        time.sleep(POLL_SECONDS)
    say("Parterre is running already; ./scripts/down stops it.")
    if ignored:
        say(f"Nothing was changed: {' and '.join(ignored)} would need that first.")
    say("")
    say((var / "summary.txt").read_text())
    return 0


def stop_supervisor(var: Path) -> bool:
    """Whether there was one."""
    supervisor = find_supervisor(var)
    if supervisor is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        supervisor.resume()
        supervisor.terminate()
        if not has_ended(supervisor, within=STOP_SECONDS):
            supervisor.kill()
            has_ended(supervisor, within=STOP_SECONDS)
    return True
