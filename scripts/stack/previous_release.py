"""The code of the release before, in a folder: what still runs while a deployment goes on, and what
``./scripts/rollback`` brings back."""

import os
import subprocess
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from stack.errors import StackError

RECORD = Path("deploy") / "previous-release"
# Names a commit, and counts before tags and the record.
VARIABLE = "PREVIOUS_RELEASE"
SOURCES = ("service-kit", "auth-service", "event-service", "notification-service", "scripts", ".")


class NoPreviousRelease(StackError):
    """The message says why there is none, and what to do."""


def find_release(root: Path, wish: str = "") -> str:
    """The commit of the release before: ``wish``, else the newest tag before HEAD, else the one in
    ``deploy/previous-release``. Raises NoPreviousRelease, also for a commit that this clone is without.
    """
    if not (root / ".git").exists():
        raise NoPreviousRelease("this is no clone of the repository")
    name = wish or _git(root, "describe", "--tags", "--abbrev=0", "HEAD^") or _recorded(root)
    if not name:
        raise NoPreviousRelease(f"there is neither a tag nor a commit in {RECORD}")
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if not commit:
        raise NoPreviousRelease(
            f"{name} is not in this clone; fetch all of it: git fetch --unshallow --tags"
        )
    return commit


def _recorded(root: Path) -> str:
    file = root / RECORD
    lines = file.read_text().splitlines() if file.exists() else []
    return next((line.strip() for line in lines if line.strip() and line[0] != "#"), "")


def _git(root: Path, *arguments: str) -> str:
    """What git prints; empty if it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise NoPreviousRelease(f"git cannot be run: {error}") from None
    return done.stdout.strip() if done.returncode == 0 else ""


def export(root: Path, commit: str, folder: Path) -> None:
    """Writes the files of a commit into ``folder``. Raises StackError."""
    done = subprocess.run(
        ["git", "-C", str(root), "archive", "--format=tar", commit],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"git archive {commit} fails: {done.stderr.decode().strip()}")
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        # Python 3.11.2 of Debian 12 knows no filter yet; the archive is our own.
        if hasattr(tarfile, "data_filter"):
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(folder)


def environment(tree: Path, base: Mapping[str, str]) -> dict[str, str]:
    """``base`` for processes that run the code below ``tree`` and not that of this checkout, with the
    packages of this one's virtual environment."""
    paths = [str(tree if name == "." else tree / name) for name in SOURCES]
    return {**base, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
