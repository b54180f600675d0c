"""``./scripts/compose ARGUMENTS``: Compose for the release in use, with its project name and image tag."""

import os
import sys

from deployment.engine import Engine
from deployment.errors import run_command
from deployment.layout import find_layout


def main() -> int:
    engine = Engine(find_layout())
    command = engine.compose_command(*sys.argv[1:])
    os.execvpe(command[0], command, engine.environment())


if __name__ == "__main__":
    run_command("compose", main)
