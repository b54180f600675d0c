"""``python -m service_kit.sentry_report``: tells Sentry that a script of the host has failed.

The host has no SDK, so ``scripts/deployment/sentry.py`` runs this in a container of a service and writes a
``Failure`` to its standard input. Exit code 0 and no output if Sentry has it or is not configured; else a
line says why not.
"""

import sys
from typing import Annotated

import sentry_sdk
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sentry_sdk.transport import HttpTransport
from sentry_sdk.types import Event

from service_kit.sentry import configure_sentry
from service_kit.settings import ServiceSettings, describe_problems, load_settings

PROCESS = "scripts"
MAX_BYTES = 65_536
# Of one try; a connection is tried four times.
TRY_SECONDS = 3
SECONDS = 15

# Names of code and of releases: no room for an address, a path or a sentence.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.<>-]+$", max_length=128)]


class Frame(BaseModel):
    model_config = ConfigDict(extra="forbid")

    module: Name
    function: Name
    line: Annotated[int, Field(ge=0)]


class Failure(BaseModel):
    """What the host tells: which script, of which version, and where it failed; not the error's text."""

    model_config = ConfigDict(extra="forbid")

    command: Name
    version: Name
    type: Name
    # From the outermost call to where the error was raised.
    frames: Annotated[list[Frame], Field(max_length=50)]


class ReportTransport(HttpTransport):
    """Remembers why an event did not arrive."""

    TIMEOUT = TRY_SECONDS
    dropped = ""

    def on_dropped_event(self, _reason: str) -> None:
        self.dropped = _reason


def event_of(failure: Failure) -> Event:
    frames = [
        {
            "module": one.module,
            "function": one.function,
            "lineno": one.line,
            "in_app": one.module.startswith("deployment."),
        }
        for one in failure.frames
    ]
    return {
        "level": "error",
        # Of the scripts, and not that of the image which this runs in.
        "release": f"parterre@{failure.version}",
        "transaction": f"scripts/{failure.command}",
        "tags": {"command": failure.command},
        "exception": {"values": [{"type": failure.type, "stacktrace": {"frames": frames}}]},
    }


def main() -> None:
    settings = load_settings(ServiceSettings)
    try:
        failure = Failure.model_validate_json(sys.stdin.buffer.read(MAX_BYTES + 1)[:MAX_BYTES])
    except ValidationError as error:
        sys.exit(f"standard input is no failure: {describe_problems(error)[0]}")
    configure_sentry(
        PROCESS,
        settings,
        transport=ReportTransport,
        # They would load every library of the service.
        auto_enabling_integrations=False,
        # Nothing is sent after the flush below, and the SDK does not speak of it.
        send_client_reports=False,
        shutdown_timeout=0,
    )
    sentry_sdk.capture_event(event_of(failure))
    sentry_sdk.flush(SECONDS)
    transport = sentry_sdk.get_client().transport
    if isinstance(transport, ReportTransport) and transport.dropped:
        sys.exit(f"Sentry did not take it ({transport.dropped})")


if __name__ == "__main__":
    main()
