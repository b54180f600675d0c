"""``scripts/faults``: the faults of a mail's road in their full form, within a time limit."""

import os
import signal
import sys
from types import FrameType

from stack import testing
from stack.errors import StackError

FAULTS = "tests/system/faults"
# More at once would measure the patience of each.
AT_ONCE = "2"
LIMIT_SECONDS = 1800
GRACE_SECONDS = 60


def end_in_time() -> None:
    """Asks the run to end as Ctrl-C does, so that its table is shown; after a while insists."""

    def insist(*_: object) -> None:
        raise StackError(f"no end {GRACE_SECONDS} s after the limit of {LIMIT_SECONDS} s")

    def ask(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGALRM, insist)
        signal.alarm(GRACE_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGALRM, ask)
    signal.alarm(LIMIT_SECONDS)


def main() -> None:
    os.environ["FAULTS"] = "full"
    end_in_time()
    try:
        sys.exit(testing.run(["-n", AT_ONCE, FAULTS, *sys.argv[1:]]))
    except StackError as error:
        sys.exit(f"faults: {error}")


if __name__ == "__main__":
    main()
