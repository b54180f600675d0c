"""Errors that an operator sees: one line that says what happened and what to do next."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from deployment.signals import Stopped

Tell = Callable[[str, BaseException], None]


class CommandFailed(Exception):
    """Its text is shown to a person as it stands; the command ends with exit code 1."""


def one_line(error: BaseException) -> str:
    """An error's first line, and the last line of the output that follows it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[0] if len(lines) == 1 else f"{lines[0].rstrip(':')}: {lines[-1]}"


@contextmanager
def told(name: str, tell: Tell | None) -> Iterator[None]:
    """Calls ``tell`` with the error that ends the block, before anybody shows it: it is the last line."""
    try:
        yield
    except Exception as error:
        # Ctrl-C ends the telling, and not what follows.
        with suppress(KeyboardInterrupt):
            if tell:
                tell(name, error)
        raise


def run_command(name: str, main: Callable[[], int | None], *, tell: Tell | None = None) -> None:
    """Run a command's ``main`` and leave the process with its exit code.

    ``CommandFailed`` becomes one line on standard error and exit code 1, Ctrl-C exit code 130. ``tell``
    is called with each error, and raises none.
    """
    try:
        with told(name, tell):
            code = main() or 0
        sys.exit(code)
    except CommandFailed as error:
        sys.stdout.flush()
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except Stopped as error:
        sys.stdout.flush()
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
