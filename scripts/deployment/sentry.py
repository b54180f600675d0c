"""Tells Sentry that a script of this host has failed: which, of which version, and where in the code.

The SDK is in the images of the services: a container sends it. The error's text stays here, since it may
quote rows, paths and addresses.
"""

import json
import sys
from traceback import walk_tb
from typing import Any

from deployment.engine import Engine
from deployment.errors import one_line
from deployment.layout import Layout, find_layout, release_root
from deployment.services import image_of

# The one service of ours that reaches the outside.
SERVICE = "notification-worker"
PROGRAM = ("python", "-m", "service_kit.sentry_report")
SECONDS = 40
MAX_FRAMES = 50


def tell_sentry(command: str, error: BaseException) -> None:
    """Nothing happens without a DSN; one line on standard error if Sentry could not be told.

    It raises nothing: whoever calls it has an error to show.
    """
    try:
        layout = find_layout()
        if _has_dsn(layout):
            _send(Engine(layout), json.dumps(describe(command, error)).encode())
    except Exception as problem:
        print(f"{command}: Sentry is not told: {one_line(problem)}", file=sys.stderr, flush=True)


def describe(command: str, error: BaseException) -> dict[str, Any]:
    """What ``service_kit.sentry_report`` takes."""
    frames = []
    for frame, line in walk_tb(error.__traceback__):
        spec = frame.f_globals.get("__spec__")
        module = spec.name if spec else frame.f_globals.get("__name__", "")
        frames.append({"module": module, "function": frame.f_code.co_name, "line": line})
    return {
        "command": command,
        "version": _version(),
        "type": type(error).__name__,
        "frames": frames[-MAX_FRAMES:],
    }


def _version() -> str:
    """Of these scripts, which a deployment brings before the version is in use."""
    root = release_root()
    return root.name if root.parent.name == "releases" else find_layout().version


def _has_dsn(layout: Layout) -> bool:
    file = layout.secrets / "sentry_dsn"
    return file.is_file() and bool(file.read_text().strip())


def _send(engine: Engine, text: bytes) -> None:
    """In the running container, which a full disk does not keep from it; else in a new one."""
    running = [one for one in engine.containers(SERVICE) if one.is_running]
    if running:
        engine.docker("exec", "-i", running[-1].id, *PROGRAM, stdin=text, seconds=SECONDS)
        return
    # Without its image Compose would build it.
    engine.docker("image", "inspect", image_of(SERVICE, engine.version), seconds=SECONDS)
    engine.compose("run", "--rm", "--no-deps", "-T", SERVICE, *PROGRAM, stdin=text, seconds=SECONDS)
