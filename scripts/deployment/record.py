"""What was deployed on this host: a line of JSON for each deployment, and the link to the release in use."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from deployment.layout import Layout

DEPLOYED = "deployed"
ROLLED_BACK = "rolled back"
FAILED = "failed"


@dataclass(frozen=True)
class Deployment:
    """``outcome``: ``deployed``; ``rolled back`` (by ./scripts/rollback, to ``version``); ``failed``."""

    version: str
    outcome: str
    at: str
    seconds: float
    reason: str = ""


class Record:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def add(self, version: str, outcome: str, seconds: float, reason: str = "") -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Deployment(version, outcome, at, round(seconds, 1), reason)
        self._layout.var.mkdir(parents=True, exist_ok=True)
        with self._layout.deployments.open("a") as file:
            file.write(json.dumps(asdict(entry)) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def entries(self) -> list[Deployment]:
        file = self._layout.deployments
        lines = file.read_text().splitlines() if file.exists() else []
        return [Deployment(**json.loads(line)) for line in lines if line.strip()]

    def versions(self) -> list[str]:
        """Versions that one can go back to, oldest first, the one in use last.

        A deployment adds its version; going back drops those after the version it went to.
        """
        versions: list[str] = []
        for entry in self.entries():
            if entry.outcome == FAILED:
                continue
            if entry.outcome == ROLLED_BACK and entry.version in versions:
                del versions[versions.index(entry.version) :]
            elif entry.version in versions:
                versions.remove(entry.version)
            versions.append(entry.version)
        return versions

    def current(self) -> str | None:
        """Version in use, None if nothing was deployed yet."""
        return self._layout.version if self._layout.current.is_symlink() else None

    def use(self, version: str) -> None:
        """Point ``current`` to a release, in one step."""
        link = self._layout.home / "current.new"
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.join("releases", version))
        link.replace(self._layout.current)
        link_scripts(self._layout, "current")


def link_scripts(layout: Layout, release: str) -> None:
    """``scripts`` beside ``.env`` leads to those of a release, by its path below the folder; where the
    folder is a clone as well, its own stay."""
    link = layout.home / "scripts"
    if link.is_symlink() or not link.exists():
        new = layout.home / "scripts.new"
        new.unlink(missing_ok=True)
        new.symlink_to(os.path.join(release, "scripts"))
        new.replace(link)
