"""``./scripts/load [--scenario S] [ADDRESS]``: people who look, buy and work, for so many seconds.

It makes accounts and events on the system at ADDRESS (event-service's or the gateway's), so it is for systems
that are made for it: ``RATE_LIMIT_ENABLED=false ./scripts/up -d``. Exit code 1 if a seat was sold twice, a
request failed, nobody got a seat, or the slowest hundredth waited longer than ``--p99``. ``var/load.html``
has charts, ``var/load.txt`` the scenario and the verdict. Ctrl-C ends a run early, and it is judged.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from deployment.errors import CommandFailed
from deployment.locked_environment import make_environment
from stack.errors import StackError
from stack.stack import ROOT

LOCK = ROOT / "tests" / "load" / "requirements.lock"
LOCUSTFILE = ROOT / "tests" / "load" / "locustfile.py"
SCENARIOS = ("mix", "browsing", "buying", "on-sale", "staff")
# It shows how many can be served, and not what grows by days.
LONGEST_SECONDS = 480
MOST_PEOPLE = 2_000
INSTALL_SECONDS = 400.0
# So many people begin each second; all at once where a sale starts.
PEOPLE_PER_SECOND = 10


def locust(folder: Path) -> Path:
    """Locust's own environment, made at the first call and when its lock file changes: its gevent must not
    come near the services."""

    def tell() -> None:
        print("Installing Locust (half a minute) ...", flush=True)

    try:
        options = ("--only-binary=:all:",)
        programs = make_environment(
            folder, LOCK, seconds=INSTALL_SECONDS, pip_options=options, on_install=tell
        )
    except CommandFailed as error:
        raise StackError(f"Locust could not be installed: {error}") from None
    return programs / "locust"


def within(low: int, high: int) -> type[int]:
    def number(given: str) -> int:
        if not low <= int(given) <= high:
            raise argparse.ArgumentTypeError(f"is not from {low} to {high}")
        return int(given)

    return number  # type: ignore[return-value]


def without_slash(address: str) -> str:
    """Locust puts paths behind it as it is."""
    return address.rstrip("/")


def absolute(report: str) -> Path:
    """Locust runs in another folder than its caller."""
    return Path(report).resolve()


def make_way(report: Path) -> None:
    """Without an older report, which would be taken for this run's. Raises StackError where none can be."""
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.unlink(missing_ok=True)
        report.with_suffix(".txt").unlink(missing_ok=True)
    except OSError as error:
        raise StackError(f"no report can be written to {report}: {error.strerror}") from error


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/load", description=__doc__)
    parser.add_argument(
        "address", nargs="?", type=without_slash, default="http://127.0.0.1:8002", metavar="ADDRESS"
    )
    parser.add_argument("--scenario", choices=SCENARIOS, default="mix")
    parser.add_argument("--people", type=within(1, MOST_PEOPLE), default=50)
    parser.add_argument("--seconds", type=within(5, LONGEST_SECONDS), default=30)
    parser.add_argument(
        "--no-pauses",
        action="store_true",
        help="nobody thinks between two requests: few saturate it",
    )
    parser.add_argument("--p99", type=within(1, 60_000), default=1_000, help="milliseconds")
    parser.add_argument("--report", type=absolute, default=ROOT / "var" / "load.html")
    return parser.parse_args(arguments)


def command(options: argparse.Namespace, program: Path) -> list[str]:
    at_once = options.people if options.scenario == "on-sale" else PEOPLE_PER_SECOND
    return [
        str(program), "--locustfile", str(LOCUSTFILE), "--headless", "--only-summary",
        "--host", options.address, "--users", str(options.people), "--spawn-rate", str(at_once),
        "--run-time", f"{options.seconds}s", "--html", str(options.report),
        # What is under way may end, so that it is counted.
        "--stop-timeout", "30",
        "--scenario", options.scenario, "--p99", str(options.p99), "--loglevel", "WARNING",
        *(["--no-pauses"] if options.no_pauses else []),
    ]  # fmt: skip


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    make_way(options.report)
    program = locust(ROOT / "var" / "load-venv")
    # Nothing of Parterre's: only the locustfile's own modules.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    status = run(command(options, program), environment)
    if options.report.exists():
        print(f"Report: {options.report}")
    return status


def run(command: list[str], environment: dict[str, str]) -> int:
    """The exit code. Ctrl-C reaches Locust too, which lets end what is under way and judges."""
    with subprocess.Popen(command, env=environment, cwd=ROOT) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except StackError as error:
        sys.exit(f"load: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
