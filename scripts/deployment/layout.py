"""Where things are on a host, and in a work tree.

A host's folder (``PARTERRE_HOME``, by default ``~/parterre``) holds ``.env``, ``secrets/``,
``settings/``, ``config/``,
``releases/VERSION/``, ``current`` (a link to the release in use), ``var/`` and ``backups/``. In a work
tree the folder is the repository's root, and the release in use is the tree itself.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployment.errors import CommandFailed

DEFAULT_PROJECT = "parterre"


def release_root() -> Path:
    """The release, or work tree, that this very file belongs to."""
    return Path(__file__).resolve().parents[2]


def read_settings(file: Path) -> dict[str, str]:
    """Settings of an ``.env`` file: ``NAME=value`` lines, without comments, values without quotes."""
    settings = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        name, separator, value = line.partition("=")
        if separator and not name.lstrip().startswith("#"):
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            settings[name.strip()] = value
    return settings


@dataclass(frozen=True)
class Layout:
    """Paths below ``home``; ``project`` is the project name of Compose."""

    home: Path
    project: str = DEFAULT_PROJECT

    @property
    def settings(self) -> Path:
        return self.home / ".env"

    @property
    def settings_folder(self) -> Path:
        """Settings by file, which containers have mounted. It is made here: Docker gives it to root."""
        folder = self.home / ("deploy/settings" if self.is_work_tree else "settings")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def secrets(self) -> Path:
        return self.home / "secrets"

    @property
    def backups(self) -> Path:
        return self.home / "backups"

    @property
    def var(self) -> Path:
        return self.home / "var"

    @property
    def deployments(self) -> Path:
        """A line of JSON for each deployment."""
        return self.var / "deployments.jsonl"

    @property
    def lock(self) -> Path:
        """Held by what changes the running containers: deploy, rollback, restore."""
        return self.var / "lock"

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    @property
    def current(self) -> Path:
        return self.home / "current"

    @property
    def is_work_tree(self) -> bool:
        return not self.releases.is_dir()

    @property
    def version(self) -> str:
        """Version of the release in use: image tag and folder name; before the first deployment has
        succeeded the newest that is there. In a work tree ``TAG`` or ``latest``."""
        if self.current.is_symlink():
            return Path(os.readlink(self.current)).name
        if releases := sorted(self.releases.glob("*/docker-compose.yml"), key=os.path.getmtime):
            return releases[-1].parent.name
        return os.environ.get("TAG", "latest")

    def release(self, version: str) -> Path:
        return self.home if self.is_work_tree else self.releases / version

    def compose_file(self, version: str) -> Path:
        return self.release(version) / "docker-compose.yml"

    @property
    def config(self) -> Path:
        """Configuration that gateway, PostgreSQL and Redis have mounted."""
        return self.home / "deploy" if self.is_work_tree else self.home / "config"

    def setting(self, name: str, default: str = "") -> str:
        """A setting of the environment, else of ``.env``, else the default."""
        return os.environ.get(name) or read_settings(self.settings).get(name) or default

    def number(self, name: str, default: int) -> float:
        """A setting by its file in ``settings_folder``, which services read first, else as above. Raises
        CommandFailed if it is no number."""
        file = self.settings_folder / name
        text = file.read_text() if file.is_file() else self.setting(name, str(default))
        try:
            return float(text)
        except ValueError:
            raise CommandFailed(
                f"{name}={text.strip()} is no number; correct it in {self.settings}"
            ) from None


def find_layout(environment: Mapping[str, str] = os.environ) -> Layout:
    """The layout that this file belongs to, unless ``PARTERRE_HOME`` names another."""
    release = release_root()
    if given := environment.get("PARTERRE_HOME"):
        home = Path(given).expanduser().resolve()
    elif release.parent.name == "releases":
        home = release.parents[1]
    else:
        home = release
    layout = Layout(home)
    project = environment.get("COMPOSE_PROJECT_NAME") or layout.setting("COMPOSE_PROJECT_NAME")
    return Layout(home, project or DEFAULT_PROJECT)
