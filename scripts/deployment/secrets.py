"""``./scripts/secrets``: makes the secrets that are missing, and changes one by name. It asks nothing."""

import argparse
import getpass
import sys

from deployment import rotation
from deployment.engine import Engine
from deployment.errors import CommandFailed, run_command
from deployment.layout import Layout, find_layout
from deployment.secret_files import (
    IMAGE_UID,
    SECRETS,
    SecretFiles,
    add_setting,
    refuse_unreadable,
    values_of_earlier_release,
)
from deployment.sentry import tell_sentry

GIVEN_BY_OTHERS = ("smtp_password", "sentry_dsn")
EPILOG = """
Without an option: makes each secret that is missing as a file of its own below secrets/, and leaves
what is there as it is. Values that .env held for an earlier release are taken over.
"""


def main() -> int:
    arguments = _parse()
    layout = find_layout()
    files = SecretFiles(layout)
    if arguments.list:
        print("\n".join(describe(files)))
    elif arguments.rotate:
        rotate(files, Engine(layout), arguments.rotate)
    elif arguments.set:
        value = read_value(arguments.set)
        change(files, Engine(layout), arguments.set, value)
    elif arguments.apply:
        print(rotation.tell_servers(Engine(layout), files, arguments.apply) or "No server has it.")
    elif arguments.forget:
        forget(files, arguments.forget)
    else:
        make(layout, files)
    return 0


def read_value(name: str) -> str:
    """From a pipe or a file; a person who types it is asked, and sees nothing of it."""
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ")
    return sys.stdin.read().removesuffix("\n")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser("scripts/secrets", description=__doc__, epilog=EPILOG)
    options = parser.add_mutually_exclusive_group()
    options.add_argument(
        "--list", action="store_true", help="each secret: there, empty or missing, its age"
    )
    options.add_argument(
        "--rotate", metavar="NAME", help="a new value; the old one stays as NAME.old"
    )
    options.add_argument("--set", metavar="NAME", help="the value on standard input, or typed")
    options.add_argument("--apply", metavar="NAME", help="tell the running server the new value")
    options.add_argument("--forget", metavar="NAME", help="delete NAME.old")
    return parser.parse_args()


def make(layout: Layout, files: SecretFiles, *, is_brief: bool = False) -> None:
    """All that are missing, and what containers need to read them; no line for each if ``is_brief``."""
    owner = files.owner()
    known = values_of_earlier_release(layout)
    for name, value in known.items():
        refuse_unreadable(name, value)
    made = files.make_missing(known)
    for name, origin in made:
        if not is_brief or origin.startswith("taken"):
            print(f"{name}: {origin} ({SECRETS[name].use})")
    for line in files.mend_access():
        print(line)
    if owner != 0 and owner != IMAGE_UID and not layout.setting("PARTERRE_UID"):
        add_setting(layout, "PARTERRE_UID", str(owner))
        print(f"PARTERRE_UID={owner} is in {layout.settings}: containers run as this user")
    print(f"{len(SECRETS)} secrets are in {files.folder}, {len(made)} of them new.")
    taken_over = [SECRETS[name].variable for name, origin in made if origin.startswith("taken")]
    if taken_over:
        print(f"Delete these lines of {layout.settings}, nothing reads them any more: ", end="")
        print(", ".join(taken_over))


def describe(files: SecretFiles) -> list[str]:
    lines = []
    for name, secret in SECRETS.items():
        age = files.age_days(name)
        if age is None:
            state = "missing"
        elif not files.read(name):
            state = "empty"
        else:
            state = f"{age:.0f} days old"
        kept = ", the one before is kept" if files.old(name).exists() else ""
        lines.append(f"{name:<36}{state + kept:<20}  {secret.use}")
    return lines


def rotate(files: SecretFiles, engine: Engine, name: str) -> None:
    files.path(name)
    if name in GIVEN_BY_OTHERS:
        raise CommandFailed(
            f"{name} is not ours to make: give the new one by ./scripts/secrets --set {name} < FILE"
        )
    change(files, engine, name, None)


def change(files: SecretFiles, engine: Engine, name: str, value: str | None) -> None:
    """Replaces a secret, tells the servers that are running, and prints what is left to do."""
    files.replace(name, value)
    told = "is empty now" if value == "" else "has a new value"
    print(f"{name} {told}." + _kept(files, name))
    follow, commands = rotation.FOLLOWS[name], []
    if rotation.is_told_at_once(name):
        try:
            print(rotation.tell_servers(engine, files, name))
        except CommandFailed as error:
            print(f"The server was not told: {error}")
            commands.append(f"./scripts/secrets --apply {name}")
    commands += follow.commands
    if files.old(name).exists():
        commands.append(f"./scripts/secrets --forget {name}")
    if commands:
        print("Now, in this order:", *(f"  {command}" for command in commands), sep="\n")
    if follow.remark:
        print(follow.remark)


def _kept(files: SecretFiles, name: str) -> str:
    return f" The one before is in {files.old(name)}." if files.old(name).exists() else ""


def forget(files: SecretFiles, name: str) -> None:
    old = files.old(name)
    if not old.exists():
        raise CommandFailed(f"there is no {old}")
    old.unlink()
    print(f"{old} is deleted.")


if __name__ == "__main__":
    run_command("secrets", main, tell=tell_sentry)
