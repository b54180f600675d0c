"""``docker`` at the edge of a host's scripts: of its containers only notification-worker can run anything.

What that runs, runs here: in the environment that ``container.json`` has, in the folder DOCKER_PROGRAM.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["DOCKER_PROGRAM"])
CONTAINER = json.loads((FOLDER / "container.json").read_text())


def container_of(service: str) -> dict[str, Any]:
    image = "parterre/notification-service:1.0"
    return {
        "Id": service,
        "Name": f"/{service}",
        "Image": "sha256:image",
        "State": {"Status": "running"},
        "Config": {"Image": image, "Labels": {"com.docker.compose.service": service}},
    }


def run_inside(program: list[str]) -> None:
    (FOLDER / "told").write_text("exec" if "exec" in sys.argv else "run")
    if CONTAINER["hangs"]:
        time.sleep(60)
    os.execve(sys.executable, [sys.executable, *program[1:]], CONTAINER["environment"])


def main() -> None:
    match sys.argv[1:]:
        case ["ps", *flags]:
            service = flags[-1].rpartition("=")[2]
            if service == "postgres" and not CONTAINER["is_postgres_running"]:
                sys.exit(CONTAINER["trouble"])
            if (
                service in ("auth", "event", "notification", "postgres")
                or CONTAINER["is_worker_running"]
            ):
                print(service)
        case ["inspect", service]:
            print(json.dumps([container_of(service)]))
        case ["exec", "-i", "notification-worker", *program]:
            run_inside(program)
        case ["image", "inspect", name]:
            sys.exit(None if name in CONTAINER["images"] else "No such image")
        case ["compose", "version"]:
            pass
        case ["compose", *arguments] if "run" in arguments:
            run_inside(arguments[arguments.index("notification-worker") + 1 :])
        case _:
            sys.exit(CONTAINER["trouble"])


if __name__ == "__main__":
    main()
