"""The files below ``secrets/``: one secret each, readable for its owner only, never overwritten by accident.

Containers of our images run as the owner (``PARTERRE_UID`` in ``.env``), because Compose mounts such a
file with the mode that it has here. Root does not own them: its containers keep the image's own user.
"""

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployment.errors import CommandFailed
from deployment.layout import Layout, read_settings

IMAGE_UID = 10001
FILE_MODE = 0o600
FOLDER_MODE = 0o700
OLD = ".old"


@dataclass(frozen=True)
class Secret:
    """``is_optional``: empty unless somebody gives one, and everything runs without it."""

    name: str
    use: str
    is_optional: bool = False

    @property
    def variable(self) -> str:
        """Its name in ``.env`` of earlier releases."""
        return self.name.upper()


SECRETS = {
    secret.name: secret
    for secret in (
        Secret("postgres_password", "PostgreSQL's administrator"),
        Secret("auth_database_password", "auth-service's database"),
        Secret("event_database_password", "event-service's database"),
        Secret("notification_database_password", "notification-service's database"),
        Secret("monitoring_database_password", "PostgreSQL's statistics, for postgres-exporter"),
        Secret("redis_password", "both Redis"),
        Secret("secret_key", "encrypts the keys that sign tokens"),
        Secret("verification_token_secret", "links that confirm addresses"),
        Secret("reset_password_token_secret", "links that reset passwords"),
        Secret("event_service_client_secret", "event-service at auth-service"),
        Secret("notification_service_client_secret", "notification-service at auth-service"),
        Secret("flower_password", "sign-in to Flower"),
        Secret("smtp_password", "sign-in to the mail server", is_optional=True),
        Secret("sentry_dsn", "where errors are reported", is_optional=True),
        Secret("backup_key", "encrypts backups", is_optional=True),
    )
}


class SecretFiles:
    """The folder of one host. All methods raise CommandFailed."""

    def __init__(self, layout: Layout, *, uid: int | None = None) -> None:
        self.layout = layout
        self.folder = layout.secrets
        self._uid = os.getuid() if uid is None else uid

    def path(self, name: str) -> Path:
        if name not in SECRETS:
            raise CommandFailed(f"there is no secret {name}; ./scripts/secrets --list names them")
        return self.folder / name

    def read(self, name: str) -> str:
        """A secret without the line break at its end; empty if there is no file."""
        path = self.path(name)
        try:
            return path.read_bytes().decode().removesuffix("\n") if path.exists() else ""
        except OSError as error:
            raise CommandFailed(f"{path} cannot be read: {error.strerror}") from None

    def make_missing(self, known: Mapping[str, str]) -> list[tuple[str, str]]:
        """Makes each secret that is not there: its name, and where its value comes from. ``known``
        values are taken instead of new ones."""
        self._make_folder()
        made = []
        for name, secret in SECRETS.items():
            if self.path(name).exists():
                continue
            if known.get(name):
                self._create(self.path(name), known[name])
                made.append((name, "taken over from .env"))
            elif secret.is_optional:
                self._create(self.path(name), "")
                made.append((name, "empty"))
            else:
                self._create(self.path(name), secrets.token_urlsafe(32))
                made.append((name, "new"))
        return made

    def replace(self, name: str, value: str | None = None) -> None:
        """Another value, by default a new one. What was there before is kept as ``NAME.old``; containers
        have the file that they were started with until they are started again."""
        path, old = self.path(name), self.old(name)
        if old.exists():
            raise CommandFailed(
                f"{old} is still there, from an earlier change; when nothing uses it any more: "
                f"./scripts/secrets --forget {name}"
            )
        refuse_unreadable(name, value or "")
        self._make_folder()
        fresh = self.folder / f".{name}.new"
        fresh.unlink(missing_ok=True)
        self._create(fresh, secrets.token_urlsafe(32) if value is None else value)
        if self.read(name):
            os.link(path, old)
        fresh.replace(path)

    def old(self, name: str) -> Path:
        path = self.path(name)
        return path.with_name(path.name + OLD)

    def age_days(self, name: str) -> float | None:
        path = self.path(name)
        return (time.time() - path.stat().st_mtime) / 86_400 if path.exists() else None

    def owner(self) -> int:
        """The user that owns the files and runs the containers. Root takes the image's own."""
        chosen = self.layout.setting("PARTERRE_UID")
        if chosen and not chosen.isdecimal():
            raise CommandFailed(f"PARTERRE_UID={chosen} is no user id; see .env")
        if chosen and int(chosen) == 0:
            raise CommandFailed(
                "PARTERRE_UID=0 would run the containers as root: delete this line of .env"
            )
        if self._uid == 0:
            return int(chosen or IMAGE_UID)
        if chosen and int(chosen) != self._uid:
            raise CommandFailed(
                f"PARTERRE_UID is {chosen}, but this is user {self._uid}: the containers could not "
                "read the secrets. Run this as that user, or correct PARTERRE_UID in .env"
            )
        return self._uid

    def mend_access(self) -> list[str]:
        """Owner and mode of the files that are there; a line for each that was wrong."""
        lines, owner = [], self.owner()
        for path in sorted(self.folder.iterdir()):
            # What a link leads to may be anybody's file, and root gives it away here.
            if path.is_symlink() or not path.is_file():
                continue
            found = path.stat()
            try:
                if found.st_mode & 0o777 != FILE_MODE:
                    path.chmod(FILE_MODE)
                    lines.append(f"{path.name}: others could read it; now its owner only")
                if found.st_uid != owner:
                    os.chown(path, owner, -1)
                    lines.append(f"{path.name}: belongs to user {owner} now, as the containers do")
            except PermissionError:
                raise CommandFailed(
                    f"{path} belongs to user {found.st_uid}; "
                    f"give it back: sudo chown {owner} {self.folder}/*"
                ) from None
        return lines

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            self.folder.chmod(FOLDER_MODE)
        except OSError as error:
            raise CommandFailed(f"{self.folder} cannot be made: {error.strerror}") from None

    def _create(self, path: Path, value: str) -> None:
        """Fails if the file exists; nobody sees it half written."""
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{value}\n" if value else "")
                file.flush()
                os.fsync(file.fileno())
            if self._uid == 0:
                os.chown(draft, self.owner(), -1)
            os.link(draft, path)
        except FileExistsError:
            raise CommandFailed(f"{path} was made by somebody else meanwhile") from None
        finally:
            draft.unlink()


def refuse_unreadable(name: str, value: str) -> None:
    """A line break in a secret is cut or kept differently by each program that reads the file."""
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise CommandFailed(f"{name}: a secret is one line, without control characters")


def values_of_earlier_release(layout: Layout) -> dict[str, str]:
    """Secrets that ``.env`` holds, as releases before wanted them: by the names of the files."""
    settings = read_settings(layout.settings)
    known = {name: settings.get(secret.variable, "") for name, secret in SECRETS.items()}
    sign_in = settings.get("FLOWER_BASIC_AUTH", "")
    if not known["flower_password"] and ":" in sign_in:
        known["flower_password"] = sign_in.partition(":")[2]
    return {name: value for name, value in known.items() if value}


def add_setting(layout: Layout, name: str, value: str) -> None:
    """Adds a line to ``.env``, which is made if there is none."""
    text = layout.settings.read_text() if layout.settings.exists() else ""
    if text and not text.endswith("\n"):
        text += "\n"
    layout.settings.write_text(f"{text}{name}={value}\n")
