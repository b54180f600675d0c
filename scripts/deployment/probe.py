"""What a deployer asks a host about itself. Sent over SSH as it stands, so it imports nothing of ours.

``python3 - HOME`` writes one line of JSON.
"""

import contextlib
import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys


def docker(*arguments: str) -> str:
    done = subprocess.run(
        ["docker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False
    )
    if done.returncode:
        raise SystemExit("docker does not work there: " + done.stderr.decode().strip())
    return done.stdout.decode()


def lock_holder(path: str) -> str:
    """The text of the lock if somebody holds it."""
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read() or "{}"
    return ""


def images() -> list[dict[str, object]]:
    ids = sorted(set(docker("image", "ls", "--all", "--quiet", "--no-trunc").split()))
    inspected = json.loads(docker("image", "inspect", *ids)) if ids else []
    return [
        {
            "id": one["Id"],
            "tags": one.get("RepoTags") or [],
            "layers": (one.get("RootFS") or {}).get("Layers") or [],
        }
        for one in inspected
    ]


def main() -> None:
    # People are being served there. Not every system knows it, or allows it; then it costs them more.
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    home = os.path.realpath(os.path.expanduser(os.path.join("~", sys.argv[1])))
    # Nobody else on the machine reads its logs, or holds its lock.
    os.makedirs(home, mode=0o700, exist_ok=True)
    current = os.path.join(home, "current")
    answer = {
        "home": home,
        "python": platform.python_version(),
        "has_settings": os.path.exists(os.path.join(home, ".env")),
        "current": os.path.basename(os.readlink(current)) if os.path.islink(current) else "",
        "lock": lock_holder(os.path.join(home, "var", "lock")),
        "free_bytes": shutil.disk_usage(home).free,
        "images": images(),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
