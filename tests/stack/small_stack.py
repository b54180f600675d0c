"""The scripts' own command line with little programs in place of servers and services:
``python -m tests.stack.small_stack up -d``. What is started, found, recorded and stopped is the same.
"""

import os
import sys
from pathlib import Path

from stack import cli, programs, supervisor
from stack.errors import StackError
from stack.processes import Program
from stack.stack import Stack

# While this file is there, a start takes long.
SLOW = "slow"
_SLEEP = "import time\nprint('up', flush=True)\ntime.sleep(600)\n"


def _program(name: str, *, data: str = "") -> Program:
    environment = {"PATH": os.environ["PATH"]}
    code = f"open({data!r}, 'a').write('started\\n')\n{_SLEEP}" if data else _SLEEP
    return Program(name, [sys.executable, "-c", code], environment)


def _start_servers(stack: Stack) -> None:
    (stack.var / "postgres").mkdir(exist_ok=True)
    stack.start_all([_program("postgres", data=str(stack.var / "postgres" / "data"))])


def _services(_environments: object, _ports: object, var: Path) -> list[Program]:
    service = _program("auth")
    if (var.parent / SLOW).exists():
        return [service, Program("slow", service.command, service.environment, lambda: False)]
    return [service]


def _python(*arguments: str) -> list[str]:
    if arguments[0] == "stack.cli":
        return [sys.executable, "-m", __spec__.name if __spec__ else "", *arguments[1:]]
    # The command for accounts: says what it was asked.
    return [sys.executable, "-c", "import sys; print('admin', *sys.argv[1:])", *arguments[1:]]


REPLACED: tuple[tuple[object, str, object], ...] = (
    (Stack, "_start_servers", _start_servers),
    (programs, "migrations", lambda _: []),
    (programs, "services", _services),
    (cli, "python", _python),
    (supervisor, "python", _python),
    (supervisor, "fill_with_demo", lambda *_: ()),
)


def main() -> None:
    for owner, name, small in REPLACED:
        assert hasattr(owner, name)
        setattr(owner, name, small)
    try:
        cli.main()
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
