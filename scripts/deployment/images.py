"""``./scripts/images [VERSION] [--check] [--push REGISTRY]``: the three images, labelled and tagged.

``REGISTRY_USER`` and ``REGISTRY_PASSWORD`` sign in to the registry; without them Docker's own sign-in holds.
"""

import argparse
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from deployment import image_check
from deployment.engine import run
from deployment.errors import CommandFailed, run_command
from deployment.services import API_SERVICES, VERSION, image_of
from deployment.steps import Steps

ROOT = Path(__file__).resolve().parents[2]
BUILD_SECONDS = 1200
PUSH_SECONDS = 600


@dataclass(frozen=True)
class Origin:
    """What the images are built from: their version, commit and repository."""

    version: str
    revision: str
    source: str

    def build_arguments(self) -> list[str]:
        values = {"VERSION": self.version, "REVISION": self.revision, "SOURCE": self.source}
        return [
            part for name, value in values.items() for part in ("--build-arg", f"{name}={value}")
        ]


def _git(*arguments: str) -> str:
    """Output of git in the repository; empty where there is none."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, timeout=30, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.decode().strip() if done.returncode == 0 else ""


def public_source(remote: str) -> str:
    """The repository's address without user and password; "unknown" for a folder or none.

    ``git@host:path`` becomes ``https://host/path``.
    """
    if match := re.fullmatch(r"[\w.-]+@([\w.-]+):(?!//)(.+)", remote):
        remote = f"https://{match[1]}/{match[2]}"
    parts = urlsplit(remote)
    if parts.scheme not in ("http", "https", "ssh", "git") or not parts.hostname:
        return "unknown"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def find_origin(version: str | None) -> Origin:
    """Version (by default ``git describe``), commit and source of the work tree.

    Raises CommandFailed for a version that is no image tag, and where none is given and git knows none.
    """
    version = version or _git("describe", "--tags", "--always", "--dirty")
    if not VERSION.fullmatch(version):
        raise CommandFailed(
            f"{version!r} cannot be a version; use letters, digits, dots, hyphens and underscores"
            if version
            else "git describes no version here; give one: ./scripts/images VERSION"
        )
    revision = _git("rev-parse", "HEAD")
    if revision and _git("status", "--porcelain", "--untracked-files=no"):
        revision += "-dirty"
    source = os.environ.get("SOURCE_URL") or public_source(_git("remote", "get-url", "origin"))
    return Origin(version, revision or "unknown", source)


def build(origin: Origin, steps: Steps) -> None:
    """Build and tag the three images; raises CommandFailed."""
    for service in API_SERVICES:
        name = image_of(service, origin.version)
        steps(f"building {name}")
        run(
            [
                *("docker", "build", "--file", str(ROOT / "deploy" / "Dockerfile")),
                *("--build-arg", f"SERVICE={service}", *origin.build_arguments()),
                *("--tag", name, str(ROOT)),
            ],
            seconds=BUILD_SECONDS,
            with_errors=True,
        )


def push(version: str, registry: str, steps: Steps) -> None:
    """Push the three images as ``REGISTRY/parterre/SERVICE-service:VERSION``; raises CommandFailed.

    ``./scripts/deploy --registry`` looks for them under these names.
    """
    with tempfile.TemporaryDirectory() as folder:
        docker = ["docker"]
        if user := os.environ.get("REGISTRY_USER"):
            # A sign-in that ends with this command, and a password that no process list shows.
            docker += ["--config", folder]
            host = registry.partition("/")[0]
            password = os.environ.get("REGISTRY_PASSWORD", "").encode()
            login = [*docker, "login", "--username", user, "--password-stdin", host]
            run(login, seconds=60, stdin=password, with_errors=True)
        for service in API_SERVICES:
            name = image_of(service, version)
            remote = f"{registry.rstrip('/')}/{name}"
            steps(f"pushing {remote}")
            run(["docker", "tag", name, remote], seconds=60)
            run([*docker, "push", remote], seconds=PUSH_SECONDS, with_errors=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/images", description="Build the three images.")
    parser.add_argument("version", nargs="?", help="image tag; by default what git describe says")
    parser.add_argument("--check", action="store_true", help="then check size, labels and contents")
    parser.add_argument(
        "--push", metavar="REGISTRY", help="then push, as REGISTRY/parterre/event-service:VERSION"
    )
    parser.add_argument(
        "--print-version",
        action="store_true",
        help="only print the version that a build would have",
    )
    options = parser.parse_args(arguments)
    steps = Steps()
    origin = find_origin(options.version)
    if options.print_version:
        print(origin.version)
        return 0
    build(origin, steps)
    if options.check:
        for service in API_SERVICES:
            name = image_of(service, origin.version)
            steps(f"{name}: {image_check.check(service, name, origin.version, origin.revision)}")
    if options.push:
        push(origin.version, options.push, steps)
    return 0


if __name__ == "__main__":
    run_command("images", main)
