"""``scripts/test``: pytest on a PostgreSQL and a Redis of its own, which end with it."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stack.errors import StackError
from stack.ports import free_port
from stack.postgres import Postgres
from stack.process_group import ProcessGroup, end_leftovers
from stack.records import TAG, end_tagged, find_recorded, write_record
from stack.redis import Redis
from stack.stack import ROOT

WORKERS = "4"
PREFIX = "parterre-test-"
OWNER = "owner.json"
# A variable with the seconds after which a run is asked to end; it is killed GRACE_SECONDS later.
LIMIT = "TEST_SECONDS"
GRACE_SECONDS = 60


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """Variables that tell tests where the servers are; durable enough for what a test shows."""
    password = secrets.token_hex(16)
    postgres = Postgres(folder / "postgres", port=free_port(), password=password, durable=False)
    redis = Redis("redis", folder / "redis", port=free_port(), password=password, is_broker=True)
    group = ProcessGroup(folder, cwd=folder)
    postgres.initialise()
    try:
        group.start_all([postgres.program(), redis.program()])
        yield {"TEST_POSTGRES_URL": postgres.url(), "TEST_REDIS_URL": redis.url}
    finally:
        group.stop()


@contextlib.contextmanager
def own_folder(prefix: str = PREFIX) -> Iterator[Path]:
    """Where a run keeps everything. At its end every process that was started there ends, also one
    that a test has left behind."""
    end_abandoned_runs(prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # As root PostgreSQL runs as nobody, who has to get in.
        folder.chmod(0o711)
        write_record(folder / OWNER, os.getpid())
        try:
            yield folder
        finally:
            end_tagged(folder)


def end_abandoned_runs(prefix: str) -> None:
    """Ends and removes what runs have left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        if (folder / OWNER).exists() and find_recorded(folder / OWNER) is None:
            end_leftovers(folder / "run")
            end_tagged(folder)
            shutil.rmtree(folder, ignore_errors=True)


def run(arguments: list[str]) -> int:
    with own_folder() as folder, servers(folder) as variables:
        pytest = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-n", WORKERS, *arguments],
            env=os.environ | variables | {"TMPDIR": str(folder), TAG: str(folder / "pytest")},
            cwd=ROOT,
        )
        # Ctrl-C reaches pytest as well; it ends first and says what it has. A caller's SIGTERM is
        # made the same, since pytest would heed that without ending its fixtures.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for signum in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, lambda *_: pytest.send_signal(signal.SIGINT))
        limit = os.environ.get(LIMIT)
        try:
            return pytest.wait(float(limit) if limit else None)
        except subprocess.TimeoutExpired:
            # As Ctrl-C does, so that it shows what it has.
            pytest.send_signal(signal.SIGINT)
            return pytest.wait(GRACE_SECONDS)


def main() -> None:
    try:
        sys.exit(run(sys.argv[1:]))
    except (StackError, subprocess.TimeoutExpired) as error:
        sys.exit(f"test: {error}")


if __name__ == "__main__":
    main()
