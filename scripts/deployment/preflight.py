"""``./scripts/preflight``: every setting and secret of this host, as each start of it checks them."""

import argparse
import os
import sys

from deployment.engine import Engine
from deployment.errors import CommandFailed, run_command
from deployment.layout import find_layout
from deployment.secret_files import SECRETS, SecretFiles

# In the container; its first lines are Docker's.
COMMAND = ("run", "--rm", "--no-deps", "preflight")


def main() -> int:
    argparse.ArgumentParser(prog="scripts/preflight", description=__doc__).parse_args()
    layout = find_layout()
    files = SecretFiles(layout)
    files.owner()
    # Docker refuses to start a container whose file is missing, and says so in its own words.
    missing = [name for name in SECRETS if not files.path(name).is_file()]
    if missing:
        raise CommandFailed(f"secrets are missing ({', '.join(missing)}): run ./scripts/secrets")
    engine = Engine(layout)
    command = engine.compose_command(*COMMAND)
    sys.stdout.flush()
    os.execvpe(command[0], command, engine.environment())


if __name__ == "__main__":
    run_command("preflight", main)
