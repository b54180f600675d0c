"""Folders of backups: one each, named by its moment (UTC), with a manifest that says what is in it.

A backup is written under another name and renamed when it is whole, so that whoever lists the folder sees
finished ones only."""

import hashlib
import hmac
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Self

from deployment.encryption import Cipher
from deployment.errors import CommandFailed
from deployment.postgres import Part, pipeline

MANIFEST = "manifest.json"
FORMAT = 1
_NAME = re.compile(r"\d{8}T\d{6}Z")
# A manifest may come from where others can write: its names go into SQL, and its files into paths.
_DATABASES = ("auth", "events", "notifications")
_FILE = re.compile(r"[a-z]+\.(dump|dump\.enc|tar\.enc)")
_UNFINISHED = ".unfinished-"
_CHUNK_BYTES = 1 << 20


@dataclass
class Dump:
    """One database: its file, the revision of its schema, and rows by table at the backup's moment."""

    file: str
    heads: list[str]
    counts: dict[str, int]
    bytes: int = 0
    sha256: str = ""
    mac: str = ""


@dataclass
class Manifest:
    """``is_one_moment``: all databases are dumped as of the same moment; else ``seconds_apart`` at most.
    ``system``: PostgreSQL's identifier of the cluster of databases."""

    name: str
    taken_at: str
    version: str
    system: str
    is_one_moment: bool
    seconds_apart: float
    dumps: dict[str, Dump] = field(default_factory=dict)
    secrets: Dump | None = None
    is_encrypted: bool = False
    is_checked: bool = False
    format: int = FORMAT
    mac: str = ""

    @property
    def time(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)

    @property
    def files(self) -> list[Dump]:
        return [*self.dumps.values(), *([self.secrets] if self.secrets else [])]

    def signed(self, cipher: Cipher) -> str:
        """The MAC of everything else in it."""
        fields = asdict(self) | {"mac": ""}
        mac = cipher.mac(f"{self.name}/{MANIFEST}")
        mac.update(json.dumps(fields, sort_keys=True).encode())
        return mac.hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Self:
        fields: dict[str, Any] = json.loads(text)
        fields["dumps"] = {name: Dump(**dump) for name, dump in fields["dumps"].items()}
        if fields["secrets"]:
            fields["secrets"] = Dump(**fields["secrets"])
        return cls(**fields)


def write_manifest(folder: Path, manifest: Manifest, cipher: Cipher | None) -> None:
    if cipher is not None:
        manifest.mac = manifest.signed(cipher)
    text = json.dumps(asdict(manifest), indent=1) + "\n"
    fresh = folder / f".{MANIFEST}"
    fresh.write_text(text)
    fresh.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest:
    """Raises CommandFailed if there is none that this release can read."""
    try:
        manifest = Manifest.from_json((folder / MANIFEST).read_text())
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CommandFailed(f"{folder} is no backup that this release can read: {error}") from None
    if manifest.format != FORMAT:
        raise CommandFailed(f"{folder} has format {manifest.format}; this release reads {FORMAT}")
    _require_own_names(folder, manifest)
    return manifest


def _require_own_names(folder: Path, manifest: Manifest) -> None:
    try:
        is_own = (
            set(manifest.dumps) <= set(_DATABASES)
            and all(_FILE.fullmatch(dump.file) for dump in manifest.files)
            and manifest.time.tzinfo is not None
        )
    except (TypeError, ValueError):
        is_own = False
    if not is_own:
        raise CommandFailed(f"{folder}/{MANIFEST} names what no backup has; use another backup")


def write_file(folder: Path, name: str, dump: Dump, part: Part, cipher: Cipher | None) -> None:
    """Writes what a command puts out, in chunks, and notes size and sums in ``dump``."""
    parts = [part] if cipher is None else [part, cipher.encrypt()]
    digest = hashlib.sha256()
    mac = cipher.mac(f"{name}/{dump.file}") if cipher else None
    with pipeline(*parts) as output, (folder / dump.file).open("xb") as file:
        for chunk in _chunks(output):
            file.write(chunk)
            digest.update(chunk)
            if mac is not None:
                mac.update(chunk)
            dump.bytes += len(chunk)
    dump.sha256 = digest.hexdigest()
    dump.mac = mac.hexdigest() if mac else ""


def verify(folder: Path, manifest: Manifest, cipher: Cipher | None) -> None:
    """Raises CommandFailed unless every byte is what was written, by whoever has the key."""
    if manifest.is_encrypted:
        if cipher is None:
            raise CommandFailed(f"{folder} is encrypted; put its key into secrets/backup_key")
        if not is_signed_by(manifest, cipher):
            raise CommandFailed(f"{folder}: another key, or {MANIFEST} was changed")
    for dump in manifest.files:
        digest = hashlib.sha256()
        mac = (
            cipher.mac(f"{manifest.name}/{dump.file}") if manifest.is_encrypted and cipher else None
        )
        with _open(folder / dump.file) as file:
            for chunk in _chunks(file):
                digest.update(chunk)
                if mac is not None:
                    mac.update(chunk)
        if (
            digest.hexdigest() != dump.sha256
            or mac
            and not hmac.compare_digest(mac.hexdigest(), dump.mac)
        ):
            raise CommandFailed(
                f"{folder / dump.file} is damaged or was changed; use another backup"
            )


def is_signed_by(manifest: Manifest, cipher: Cipher) -> bool:
    return hmac.compare_digest(manifest.mac, manifest.signed(cipher))


def _open(file: Path) -> IO[bytes]:
    try:
        return file.open("rb")
    except OSError as error:
        raise CommandFailed(f"{file}: {error.strerror}; use another backup") from None


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def begin(backups: Path, taken_at: datetime) -> Path:
    """An empty folder for a backup, under the name that ``finish`` takes away. Leftovers of backups that
    were interrupted are deleted: the caller has the lock."""
    backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in backups.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left)
    name = f"{taken_at:%Y%m%dT%H%M%SZ}"
    if (backups / name).exists():
        raise CommandFailed("there is a backup of this second already")
    folder = backups / f"{_UNFINISHED}{name}"
    folder.mkdir(mode=0o700)
    return folder


def finish(folder: Path) -> Path:
    finished = folder.with_name(folder.name.removeprefix(_UNFINISHED))
    return folder.rename(finished)


def list_backups(backups: Path) -> list[Path]:
    """Finished ones, the oldest first."""
    folders = backups.iterdir() if backups.is_dir() else ()
    return sorted(folder for folder in folders if _NAME.fullmatch(folder.name))


def find_backup(backups: Path, wanted: str) -> Path:
    """By its path, its name, or ``latest``. Raises CommandFailed."""
    if wanted == "latest":
        found = list_backups(backups)
        if not found:
            raise CommandFailed(f"there is no backup in {backups}; ./scripts/backup makes one")
        return found[-1]
    for folder in (Path(wanted), backups / wanted):
        if (folder / MANIFEST).exists():
            return folder
    raise CommandFailed(f"{wanted} is no backup; there are: {_names(backups)}")


def _names(backups: Path) -> str:
    return ", ".join(folder.name for folder in list_backups(backups)) or "none"


def delete_old(backups: Path, *, days: int, now: datetime | None = None) -> int:
    """Deletes backups that are older than ``days``, never the newest that was checked; how many."""
    limit = (now or datetime.now(UTC)) - timedelta(days=days)
    checked = [folder for folder in list_backups(backups) if _is_checked(folder)]
    old = [
        folder
        for folder in list_backups(backups)
        if datetime.strptime(folder.name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) < limit
        and folder not in checked[-1:]
    ]
    for folder in old:
        # Not to be taken for whole when only a part of it is left.
        doomed = folder.rename(folder.with_name(f"{_UNFINISHED}{folder.name}"))
        shutil.rmtree(doomed)
    return len(old)


def _is_checked(folder: Path) -> bool:
    try:
        return read_manifest(folder).is_checked
    except CommandFailed:
        return False
