"""One supervisor for a folder: started in the foreground or detached, found and told to stop."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import psutil

from stack import demo, mail_server
from stack.errors import StackError
from stack.postgres import needs_passage
from stack.process_group import Say
from stack.programs import python
from stack.records import end_process, find_recorded, write_atomically, write_record
from stack.services import AUTH
from stack.stack import Stack, delete_data
from stack.summary import write_summary

NEEDED_MEGABYTES = 300
START_SECONDS = 240.0
STOP_SECONDS = 180.0
POLL_SECONDS = 0.05

# In the folder of a stack: the supervisor's record, and its process id once all is ready.
RECORD = "run/supervisor.json"
READY = "run/ready"


def is_ready(var: Path, pid: int) -> bool:
    """Whether the supervisor with this process id is ready; that of a killed one may be there still."""
    try:
        return (var / READY).read_text() == str(pid)
    except FileNotFoundError:
        return False


def find_supervisor(var: Path) -> psutil.Process | None:
    return find_recorded(var / RECORD)


def close_to_others(var: Path) -> None:
    """Makes the folder, and lets nobody else read in it: logs and records hold passwords."""
    folders = [var / "log", var / "run"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    var.chmod(0o711 if needs_passage() else 0o700)
    # Earlier versions left files open. A server closes its data folder itself.
    for file in [*var.iterdir(), *(file for folder in folders for file in folder.iterdir())]:
        with contextlib.suppress(FileNotFoundError):
            if file.is_file():
                file.chmod(0o600)


@contextlib.contextmanager
def only_supervisor(var: Path) -> Iterator[None]:
    """While this process is the supervisor, others can find it, and cannot be it too."""
    close_to_others(var)
    with (var / "lock").open("w") as lock:
        try:
            # The system unlocks it when this process ends, however it ends.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                "another ./scripts/up is at work here; see ./scripts/status."
            ) from None
        write_record(var / RECORD, os.getpid())
        try:
            yield
        finally:
            (var / RECORD).unlink(missing_ok=True)


def interrupt_on_signals() -> None:
    """The first signal to end raises KeyboardInterrupt; later ones do not disturb the stop."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: Any) -> None:
        for signum in signals:
            signal.signal(signum, signal.SIG_IGN)
        raise KeyboardInterrupt

    for signum in signals:
        signal.signal(signum, interrupt)


def supervise(var: Path, *, fresh: bool, with_demo: bool, is_detached: bool, say: Say) -> int:
    """Runs the stack until a signal ends it; an exit code. Raises StackError.

    Detached, what it says goes to a log, and the summary with its passwords does not."""
    began = time.monotonic()
    interrupt_on_signals()
    with only_supervisor(var):
        if shutil.disk_usage(var).free < NEEDED_MEGABYTES * 1_048_576:
            raise StackError(f"{var} has less than {NEEDED_MEGABYTES} MB left: free some space.")
        if fresh:
            say("Forgetting the data of earlier runs ...")
            delete_data(var)
        stack = Stack(var, caller=os.environ, say=say)
        try:
            stack.start()
            accounts = fill_with_demo(stack, say) if with_demo else ()
            write_summary(stack, var, accounts)
            mails = mail_server.remark(mail_server.chosen_url(os.environ))
            if mails:
                say(mails)
            say(f"Ready in {time.monotonic() - began:.0f} s.\n")
            if not is_detached:
                say((var / "summary.txt").read_text())
                say("Ctrl-C stops everything.")
            write_atomically(var / READY, str(os.getpid()))
            stack.watch(until=threading.Event())
        except KeyboardInterrupt:
            say("Stopping ...")
            return 0 if is_ready(var, os.getpid()) else 130
        finally:
            (var / READY).unlink(missing_ok=True)
            stack.stop()
    return 0


def fill_with_demo(stack: Stack, say: Say) -> Sequence[demo.Account]:
    say("Filling in demo accounts and events ...")
    addresses = demo.Addresses(auth=stack.url("auth"), event=stack.url("event"))
    environment = stack.environments.of(AUTH)

    def admin(arguments: list[str]) -> None:
        subprocess.run(
            python("auth_service.cli", *arguments),
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    return demo.fill(addresses, admin, say)


def start_detached(var: Path, flags: Sequence[str], say: Say) -> int:
    """Starts a supervisor in the background, and repeats what it says until all is ready."""
    close_to_others(var)
    file = var / "log" / "up.log"
    with file.open("wb") as output:
        child = subprocess.Popen(
            python("stack.cli", "up", "--supervise", *flags),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        with file.open() as log:
            return _follow(var, log, child, say)
    except BaseException:
        child.terminate()
        child.wait(STOP_SECONDS)
        raise


def _follow(var: Path, log: TextIO, child: subprocess.Popen[bytes], say: Say) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        # Asked first, so that no line is missed that was written before.
        exit_code, ready = child.poll(), is_ready(var, child.pid)
        for line in log:
            say(line.rstrip("\n"))
        if exit_code is not None:
            return exit_code or 1
        if ready:
            say((var / "summary.txt").read_text())
            return 0
        time.sleep(POLL_SECONDS)
    raise StackError(f"not ready after {START_SECONDS:.0f} s; see {var / 'log'}.")


def join(var: Path, supervisor: psutil.Process, ignored: Sequence[str], say: Say) -> int:
    """Waits until a stack that somebody else has started is ready, and shows where it is.
    ``ignored`` are flags that only a new start can heed."""
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


def stop(var: Path) -> bool:
    """Whether there was one."""
    supervisor = find_supervisor(var)
    if supervisor is not None:
        end_process(supervisor, signal.SIGTERM, within=STOP_SECONDS)
    return supervisor is not None
