"""Errors that an operator sees: one line that says what happened and what to do next."""

import sys
from collections.abc import Callable


class CommandFailed(Exception):
    """Its text is shown to a person as it stands; the command ends with exit code 1."""


def one_line(error: BaseException) -> str:
    """An error's first line, and the last line of the output that follows it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[0] if len(lines) == 1 else f"{lines[0].rstrip(':')}: {lines[-1]}"


def run_command(name: str, main: Callable[[], int | None]) -> None:
    """Run a command's ``main`` and leave the process with its exit code.

    ``CommandFailed`` becomes one line on standard error and exit code 1, Ctrl-C exit code 130.
    """
    try:
        sys.exit(main() or 0)
    except CommandFailed as error:
        sys.stdout.flush()
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
