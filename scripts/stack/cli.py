"""``./scripts/up``, ``down``, ``status`` and ``admin``."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from stack import demo
from stack.errors import StackError
from stack.processes import find_recorded
from stack.programs import answers_http, python
from stack.services import AUTH
from stack.summary import write_summary
from stack.supervisor import ROOT, Stack, end_leftovers, forget, free_megabytes

NEEDED_MEGABYTES = 300
START_SECONDS = 180.0
STOP_SECONDS = 120.0


def var_folder() -> Path:
    return Path(os.environ.get("PARTERRE_VAR", ROOT / "var"))


def supervisor_record(var: Path) -> Path:
    return var / "run" / "supervisor.json"


def say(line: str) -> None:
    print(line, flush=True)


def up(options: argparse.Namespace) -> int:
    var = var_folder()
    var.mkdir(parents=True, exist_ok=True)
    if find_recorded(supervisor_record(var)):
        say("Parterre is running already; ./scripts/down stops it.")
        return show(var)
    if free_megabytes(var) < NEEDED_MEGABYTES:
        raise StackError(f"{var} has less than {NEEDED_MEGABYTES} MB left: free some space.")
    if options.fresh:
        end_leftovers(var / "run")
        forget(var)
    if options.detach:
        return detach(var, options)
    return run(var, options)


def detach(var: Path, options: argparse.Namespace) -> int:
    """Starts a supervisor of its own, and repeats what it says until all is ready."""
    arguments = ["up", "--supervise", *(["--empty"] if options.empty else [])]
    progress = var / "progress.log"
    with progress.open("wb") as log:
        child = subprocess.Popen(
            python("stack.cli", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    with progress.open() as log:
        while True:
            ended = child.poll()
            for line in log:
                print(line, end="", flush=True)
            if ended is not None:
                return ended or 1
            if (var / "run" / "ready").exists():
                return 0
            if time.monotonic() > deadline:
                child.terminate()
                raise StackError(f"not ready after {START_SECONDS:.0f} s; see {var / 'log'}.")
            time.sleep(0.05)


@contextlib.contextmanager
def recorded(var: Path) -> Iterator[None]:
    """While this process is the supervisor, others can find it."""
    record = supervisor_record(var)
    record.parent.mkdir(parents=True, exist_ok=True)
    (var / "run" / "ready").unlink(missing_ok=True)
    own = {"pid": os.getpid(), "started": psutil.Process().create_time()}
    record.write_text(json.dumps(own))
    try:
        yield
    finally:
        record.unlink(missing_ok=True)
        (var / "run" / "ready").unlink(missing_ok=True)


def run(var: Path, options: argparse.Namespace) -> int:
    """Supervises until it is told to stop."""
    stop = threading.Event()

    def on_signal(*_: Any) -> None:
        if stop.is_set():
            return
        stop.set()
        # Ends a start that is under way; what has started is stopped again.
        if not started.is_set():
            raise KeyboardInterrupt

    started = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, on_signal)
    began = time.monotonic()
    with recorded(var):
        stack = Stack(var, caller=os.environ, say=say)
        try:
            stack.start()
            if not options.empty:
                fill_with_demo(stack)
        except KeyboardInterrupt:
            stack.stop()
            return 130
        except StackError:
            stack.stop()
            raise
        started.set()
        write_summary(stack, var, with_demo=not options.empty)
        say(f"Ready in {time.monotonic() - began:.0f} s.\n")
        say((var / "summary.txt").read_text())
        if not options.supervise:
            say("Ctrl-C stops everything.")
        (var / "run" / "ready").touch()
        stack.watch(until=stop)
        say("Stopping ...")
        stack.stop()
    return 0


def fill_with_demo(stack: Stack) -> None:
    say("Filling in demo accounts and events ...")
    addresses = demo.Addresses(
        auth=stack.url("auth"), event=stack.url("event"), mailbox=stack.url("mailbox")
    )
    environment = stack.environments.of(AUTH)

    def admin(arguments: list[str]) -> None:
        subprocess.run(
            python("auth_service.admin", *arguments),
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    demo.fill(addresses, admin, say)


def show(var: Path) -> int:
    summary = var / "summary.txt"
    if summary.exists():
        say(summary.read_text())
    return 0


def down(_: argparse.Namespace) -> int:
    var = var_folder()
    supervisor = find_recorded(supervisor_record(var))
    if supervisor is not None:
        say("Stopping ...")
        supervisor.send_signal(signal.SIGTERM)
        try:
            supervisor.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            supervisor.kill()
    left = end_leftovers(var / "run")
    if supervisor is None and not left:
        say("Nothing is running.")
    else:
        say("Stopped." if not left else f"Stopped {left} processes that were left behind.")
    return 0


def status(_: argparse.Namespace) -> int:
    """Exit code 0 if everything runs and is ready."""
    var = var_folder()
    records = sorted((var / "run").glob("*.json"))
    if not find_recorded(supervisor_record(var)):
        say("Parterre is not running; ./scripts/up -d starts it.")
        return 1
    healthy = True
    for record in records:
        process = find_recorded(record)
        state = "runs" if process else "ended"
        pid = str(process.pid) if process else "-"
        port = http_port(var, record.stem)
        if process and port:
            state = "ready" if answers_http(port, "/health/ready")() else "not ready"
        healthy = healthy and state in ("runs", "ready")
        say(f"  {record.stem:<20} {state:<10} {pid:>7}  {f'port {port}' if port else ''}".rstrip())
    return 0 if healthy else 1


def http_port(var: Path, name: str) -> int | None:
    known = json.loads((var / "addresses.json").read_text())
    return known.get(name) if name in ("auth", "event", "notification") else None


def admin(options: argparse.Namespace) -> int:
    var = var_folder()
    if not find_recorded(supervisor_record(var)):
        raise StackError("Parterre is not running; ./scripts/up -d starts it.")
    environment = json.loads((var / "admin.json").read_text())
    return subprocess.run(
        python("auth_service.admin", *options.arguments), env=environment, check=False
    ).returncode


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", prog="scripts/up", help="start everything")
    start.add_argument("-d", "--detach", action="store_true", help="return when all is ready")
    start.add_argument("--fresh", action="store_true", help="forget all data first")
    start.add_argument("--empty", action="store_true", help="no demo accounts and events")
    start.add_argument("--supervise", action="store_true", help=argparse.SUPPRESS)
    start.set_defaults(run=up)
    for name, command, text in (("down", down, "stop it"), ("status", status, "what runs")):
        commands.add_parser(name, prog=f"scripts/{name}", help=text).set_defaults(run=command)
    accounts = commands.add_parser("admin", prog="scripts/admin", help="accounts and clients")
    accounts.add_argument("arguments", nargs=argparse.REMAINDER)
    accounts.set_defaults(run=admin)
    return parser.parse_args(arguments)


def main() -> None:
    options = parse(sys.argv[1:])
    try:
        sys.exit(options.run(options))
    except StackError as error:
        sys.exit(f"{options.command}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
