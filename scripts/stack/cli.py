"""``./scripts/up``, ``down``, ``status``, ``admin`` and ``doctor``."""

import argparse
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

from stack import status, supervisor
from stack.errors import StackError
from stack.programs import python
from stack.records import tagged
from stack.stack import ROOT, end_leftovers

NOT_RUNNING = "Parterre is not running; ./scripts/up -d starts it."


def var_folder() -> Path:
    return Path(os.environ.get("PARTERRE_VAR", ROOT / "var")).resolve()


def say(line: str) -> None:
    print(line, flush=True)


def up(options: argparse.Namespace) -> int:
    var = var_folder()
    running = supervisor.find_supervisor(var)
    flags = [f"--{name}" for name in ("fresh", "empty") if getattr(options, name)]
    if running:
        return supervisor.join(var, running, flags, say)
    if options.detach:
        return supervisor.start_detached(var, flags, say)
    return supervisor.supervise(
        var,
        fresh=options.fresh,
        with_demo=not options.empty,
        is_detached=options.supervise,
        say=say,
    )


def down(_: argparse.Namespace) -> int:
    var = var_folder()
    if supervisor.find_supervisor(var):
        say("Stopping ...")
    was_running = supervisor.stop(var)
    left = end_leftovers(var)
    if left:
        say(f"Stopped {left} processes that were left behind.")
    else:
        say("Stopped." if was_running else "Nothing is running.")
    return 0


def show_status(_: argparse.Namespace) -> int:
    """Exit code 0 if everything runs and is ready."""
    var = var_folder()
    running = supervisor.find_supervisor(var)
    if running is None:
        left = len(list(tagged(var)))
        remark = f"{left} processes of an earlier run are left; ./scripts/down ends them."
        say(f"{NOT_RUNNING} {remark}" if left else NOT_RUNNING)
        return 1
    rows = status.look(var / "run")
    say(status.table(rows))
    is_ready = supervisor.is_ready(var, running.pid)
    if not is_ready:
        say("\n  It is starting or stopping.")
    return 0 if is_ready and all(row.is_well for row in rows) else 1


def require_ready(var: Path) -> None:
    running = supervisor.find_supervisor(var)
    if running is None or not supervisor.is_ready(var, running.pid):
        raise StackError(NOT_RUNNING)


def admin(options: argparse.Namespace) -> int:
    var = var_folder()
    require_ready(var)
    environment = json.loads((var / "admin.json").read_text())
    return subprocess.run(
        python("auth_service.cli", *options.arguments), env=environment, check=False
    ).returncode


def doctor(options: argparse.Namespace) -> int:
    """Exit code 1 if a service's doctor has something left."""
    var = var_folder()
    require_ready(var)
    environments = json.loads((var / "doctor.json").read_text())
    codes = [
        subprocess.run(
            python(f"{package}.doctor", *options.arguments), env=environment, check=False
        ).returncode
        for package, environment in environments.items()
    ]
    return max(codes)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts")
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", prog="scripts/up", help="start everything")
    start.add_argument("-d", "--detach", action="store_true", help="return when all is ready")
    start.add_argument("--fresh", action="store_true", help="forget all data first")
    start.add_argument("--empty", action="store_true", help="no demo accounts and events")
    start.add_argument("--supervise", action="store_true", help=argparse.SUPPRESS)
    start.set_defaults(run=up)
    for name, shown, text in (("down", down, "stop it"), ("status", show_status, "what runs")):
        commands.add_parser(name, prog=f"scripts/{name}", help=text).set_defaults(run=shown)
    # The services' own commands read the rest, --help too.
    passed_on = {"admin": admin, "doctor": doctor}
    commands.add_parser("admin", help="accounts and clients of the running stack")
    commands.add_parser("doctor", help="what is wrong in its databases")
    if arguments[:1] and arguments[0] in passed_on:
        run = passed_on[arguments[0]]
        return argparse.Namespace(command=arguments[0], run=run, arguments=arguments[1:])
    return parser.parse_args(arguments)


def explain(error: Exception) -> str:
    """One line for a person; what a programmer needs goes to a file."""
    file = var_folder() / "log" / "error.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(traceback.format_exception(error)))
    except OSError:
        return str(error)
    return f"{error or type(error).__name__} (the whole story is in {file})"


def main() -> None:
    options = parse(sys.argv[1:])
    # Whatever any of it writes is for its owner only.
    os.umask(0o077)
    try:
        sys.exit(options.run(options))
    except StackError as error:
        sys.exit(f"{options.command}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        sys.exit(f"{options.command}: {explain(error)}")


if __name__ == "__main__":
    main()
