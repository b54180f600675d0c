"""What an image must be: small, labelled, not root, without pip, and each of its modules importable."""

import json
from pathlib import Path
from typing import TypedDict

from deployment.engine import run
from deployment.errors import CommandFailed

MAX_OWN_BYTES = 130_000_000
LABEL = "org.opencontainers.image."
# The last instruction of the official Python images.
BASE_ENDS_WITH = 'CMD ["python3"]'
IMPORT_SECONDS = 300
# A Celery application reads its settings when it is imported; nothing is connected to.
SETTINGS_TO_IMPORT = {
    "ENVIRONMENT": "development",
    "DATABASE_URL": "postgresql+asyncpg://nobody:nothing@localhost/nothing",
    "BROKER_URL": "redis://localhost:6379/0",
    "CACHE_REDIS_URL": "redis://localhost:6379/0",
    "SMTP_URL": "smtp://localhost:25",
    "MAIL_FROM": "Nobody <nobody@example.com>",
    "SERVICE_CLIENT_ID": "notification-service",
    "SERVICE_CLIENT_SECRET": "development-only-secret-of-nobody-at-all",
}


class Report(TypedDict):
    """What ``inside_image.py`` writes: the number of modules imported, and all that is wrong."""

    imported: int
    faults: list[str]


def own_bytes(image: str) -> int:
    """Sum of the sizes of the layers that lie above the base image."""
    history = run(
        ["docker", "history", "--no-trunc", "--human=false", "--format", "{{json .}}", image],
        seconds=60,
    )
    total = 0
    for line in history.splitlines():
        layer = json.loads(line)
        if layer["CreatedBy"].endswith(BASE_ENDS_WITH):
            return total
        total += int(layer["Size"])
    raise CommandFailed(f"{image} is not built on an official Python image")


def check(service: str, image: str, version: str, revision: str) -> str:
    """Raise CommandFailed with all that is wrong, or return what was seen in a few words."""
    config = json.loads(run(["docker", "image", "inspect", image], seconds=60))[0]["Config"]
    labels = config.get("Labels") or {}
    faults = [
        f"label {name} is {labels.get(LABEL + name)!r}"
        for name, value in (("version", version), ("revision", revision), ("source", None))
        if not labels.get(LABEL + name) or value not in (None, labels[LABEL + name])
    ]
    size = own_bytes(image)
    if size > MAX_OWN_BYTES:
        faults.append(f"own layers have {size / 1e6:.0f} MB, {MAX_OWN_BYTES / 1e6:.0f} are allowed")
    if config.get("User") in (None, "", "0", "root"):
        faults.append("it runs as root")
    report = inspect_inside(service, image)
    faults += report["faults"]
    if faults:
        raise CommandFailed(f"{image}: " + "; ".join(faults))
    return f"{size / 1e6:.0f} MB in own layers, {report['imported']} modules imported"


def inspect_inside(service: str, image: str) -> Report:
    """Report of ``inside_image.py``, run in the image as it runs in production, without network."""
    script = Path(__file__).with_name("inside_image.py").read_bytes()
    settings = [f"--env={name}={value}" for name, value in SETTINGS_TO_IMPORT.items()]
    output = run(
        [
            *("docker", "run", "--rm", "--interactive", "--network", "none", "--read-only"),
            *("--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"),
            *settings,
            *("--entrypoint", "python", image, "-", f"{service}_service"),
        ],
        seconds=IMPORT_SECONDS,
        stdin=script,
    )
    report: Report = json.loads(output.splitlines()[-1])
    return report
