"""``./scripts/rollback [HOST]``: back to the version that was in use before."""

import argparse

from deployment.errors import CommandFailed, run_command
from deployment.host import Host
from deployment.layout import find_layout
from deployment.record import Record
from deployment.sentry import tell_sentry


def version_before() -> str:
    """The recorded version before the one in use; raises CommandFailed if there is none."""
    versions = Record(find_layout()).versions()
    if len(versions) < 2:
        raise CommandFailed(
            "no version before this one is recorded here; ./scripts/deploy takes any that is built"
        )
    return versions[-2]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/rollback",
        description="Back to the version before, without a failed request: images only, the database"
        " stays. HOST as for ./scripts/deploy.",
    )
    parser.add_argument("host", nargs="?", default="", metavar="HOST")
    parser.add_argument("--print-version", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.print_version:
        print(version_before())
        return 0
    host = Host(options.host)
    state = host.probe()
    if not state.current:
        raise CommandFailed(
            f"nothing is deployed in {state.home} on {host.name}; ./scripts/deploy does that"
        )
    script = host.python(state.home, "current", "deployment.rollback", "--print-version")
    version = str(state.lock.get("version") or host.run(script, seconds=60).strip())
    return host.run_through(
        host.python(state.home, "current", "deployment.background", version, "--rollback")
    )


if __name__ == "__main__":
    run_command("rollback", main, tell=tell_sentry)
