"""``scripts/bench`` with one little program, which has a child, in place of servers and services:
``python -m tests.stack.small_bench``. What is started, found and ended is the same."""

import sys
import time

from benchmarks import __main__ as bench
from benchmarks import operations
from benchmarks.lines import Line
from benchmarks.revisions import Revision
from benchmarks.servers import Bench
from stack.processes import Program

WAITS = "it waits"
_CODE = "import subprocess; subprocess.run(['sleep', '600'])"


def _start(one: Bench) -> None:
    one.start_all([Program("sleeper", [sys.executable, "-c", _CODE], {"PATH": "/bin:/usr/bin"})])


def wait(*_: object) -> list[Line]:
    print(WAITS, flush=True)
    time.sleep(600)
    return []


REPLACED: tuple[tuple[object, str, object], ...] = (
    (Bench, "start", _start),
    (bench, "PARTS", (wait,)),
    (bench, "COMPARED", ("wait",)),
    (operations, "measure", wait),
    (bench, "check_out", lambda _, folder: Revision(folder, sys.executable)),
)


def main() -> None:
    for owner, name, small in REPLACED:
        assert hasattr(owner, name)
        setattr(owner, name, small)
    bench.main()


if __name__ == "__main__":
    main()
