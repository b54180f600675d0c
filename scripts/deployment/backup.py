"""``./scripts/backup``: all databases as of one moment, into ``backups/MOMENT/``, checked by a restore.

The secrets are not in it: without them the accounts' signing keys cannot be read, so keep a copy of
``secrets/`` elsewhere, or give --with-secrets. ``secrets/backup_key``, if it is not empty, encrypts.
"""

import argparse
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployment import archive
from deployment.archive import Dump, Manifest
from deployment.encryption import Cipher, cipher_of
from deployment.engine import Engine
from deployment.errors import CommandFailed, run_command
from deployment.layout import Layout, find_layout
from deployment.postgres import Part, Server, Session, pipeline, server_of
from deployment.processors import give_way
from deployment.sentry import tell_sentry
from deployment.signals import stop_on_signals
from deployment.snapshot import HEADS, Snapshots, count_rows, take_snapshots
from deployment.steps import Steps
from deployment.textfile import write_metric

BACKUP_DAYS = 14
SCRATCH = "backup_check"
# Of what the databases take: a dump has no indexes, and is compressed.
SHARE_OF_DUMP = 0.5
SPARE_BYTES = 100_000_000


@dataclass(frozen=True)
class Options:
    is_checked: bool = True
    with_secrets: bool = False
    days: int = BACKUP_DAYS


def read_cipher(layout: Layout) -> Cipher | None:
    """From ``secrets/backup_key``; None where that is empty or not there."""
    return read_ciphers(layout)[0]


def read_ciphers(layout: Layout) -> list[Cipher | None]:
    """The present key's and, after it was changed, the one before."""
    files = [layout.secrets / name for name in ("backup_key", "backup_key.old")]
    keys = [_read(file) for file in files if file.exists()]
    return [cipher_of(key) for key in keys] or [None]


def _read(file: Path) -> str:
    try:
        return file.read_text().removesuffix("\n")
    except OSError as error:
        raise CommandFailed(f"{file} cannot be read: {error.strerror}") from None


@contextmanager
def backup_lock(layout: Layout) -> Iterator[None]:
    """One at a time. Raises CommandFailed."""
    layout.var.mkdir(parents=True, exist_ok=True)
    with (layout.var / "backup.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandFailed("another backup or restore is under way; wait for it") from None
        yield


def back_up(
    layout: Layout, server: Server, options: Options, steps: Steps
) -> tuple[Path, Manifest, int]:
    """The backup's folder, its manifest, and how many old ones were deleted. Raises CommandFailed."""
    cipher = read_cipher(layout)
    if options.with_secrets and cipher is None:
        raise CommandFailed(
            "--with-secrets needs a key in secrets/backup_key: encrypted or not at all"
        )
    with backup_lock(layout):
        drop_scratch(server)
        layout.backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_space(layout.backups, server, is_checked=options.is_checked)
        with take_snapshots(server) as snapshots:
            folder = archive.begin(layout.backups, snapshots.taken_at)
            try:
                manifest = _write(folder, layout, server, snapshots, cipher, steps)
                if options.with_secrets:
                    _write_secrets(folder, layout, manifest, cipher)
            except BaseException:
                shutil.rmtree(folder)
                raise
        try:
            archive.write_manifest(folder, manifest, cipher)
            if options.is_checked:
                archive.verify(folder, manifest, cipher)
                check_by_restoring(folder, manifest, server, cipher, steps)
                manifest.is_checked = True
                archive.write_manifest(folder, manifest, cipher)
        except BaseException:
            shutil.rmtree(folder)
            raise
        finished = archive.finish(folder)
        note_success(layout)
        return finished, manifest, archive.delete_old(layout.backups, days=options.days)


def note_success(layout: Layout) -> None:
    """For the alert BackupTooOld. The backup is good even if nobody can be told."""
    name, text = "parterre_backup_last_success_timestamp_seconds", "When a backup was last made."
    try:
        write_metric(layout, "backup", name, text, time.time())
    except OSError as error:
        print(f"backup: Prometheus is not told: {error}", file=sys.stderr)


def require_space(backups: Path, server: Server, *, is_checked: bool) -> None:
    """Raises CommandFailed before the disk is full, and not when it is."""
    sizes = [
        int(row[0])
        for row in server.query(
            "SELECT pg_database_size(datname) FROM pg_database"
            " WHERE datname IN ('auth', 'events', 'notifications')"
        )
    ]
    for where, free, needed in (
        (str(backups), shutil.disk_usage(backups).free, int(sum(sizes) * SHARE_OF_DUMP)),
        ("PostgreSQL's disk", server.free_bytes(), max(sizes, default=0) if is_checked else 0),
    ):
        if free < needed + SPARE_BYTES:
            raise CommandFailed(
                f"{where} has {readable_size(free)} left, and "
                f"{readable_size(needed + SPARE_BYTES)} are needed; "
                "make room, or lower BACKUP_DAYS"
            )


def _write(
    folder: Path,
    layout: Layout,
    server: Server,
    snapshots: Snapshots,
    cipher: Cipher | None,
    steps: Steps,
) -> Manifest:
    manifest = Manifest(
        name=f"{snapshots.taken_at:%Y%m%dT%H%M%SZ}",
        taken_at=snapshots.taken_at.isoformat(),
        version=layout.version,
        system=server.value("SELECT system_identifier FROM pg_control_system()"),
        is_one_moment=snapshots.is_one_moment,
        seconds_apart=snapshots.seconds_apart,
        is_encrypted=cipher is not None,
    )
    for database, session in snapshots.sessions.items():
        steps(f"{database}: counting and dumping")
        heads = [row[0] for row in session.ask(HEADS)]
        counts = count_rows(session.ask)
        dump = Dump(f"{database}.dump{'.enc' if cipher else ''}", heads, counts)
        exported = f"--snapshot={snapshots.exported(database)}"
        options = ("--format=custom", "--compress=3", exported, f"--dbname={database}")
        part = Part(server.command("pg_dump", *options))
        archive.write_file(folder, manifest.name, dump, part, cipher)
        manifest.dumps[database] = dump
    return manifest


def _write_secrets(folder: Path, layout: Layout, manifest: Manifest, cipher: Cipher | None) -> None:
    """What a new host needs beside the databases, without the key that opens it."""
    names = [one.name for one in (layout.secrets, layout.settings) if one.exists()]
    command = ["tar", "--create", "--exclude=backup_key*", f"--directory={layout.home}", *names]
    manifest.secrets = Dump("secrets.tar.enc", [], {})
    archive.write_file(folder, manifest.name, manifest.secrets, Part(command), cipher)


def check_by_restoring(
    folder: Path, manifest: Manifest, server: Server, cipher: Cipher | None, steps: Steps
) -> None:
    """Restores each dump into a scratch database and counts. Raises CommandFailed."""
    for database, dump in manifest.dumps.items():
        steps(f"{database}: restoring into a scratch database")
        try:
            restore_dump(folder, dump, server, cipher, SCRATCH)
            require_counts(server, SCRATCH, database, dump)
        finally:
            drop_scratch(server)


def restore_dump(
    folder: Path, dump: Dump, server: Server, cipher: Cipher | None, database: str
) -> None:
    """Into a new database of this name, from a stream: as large as it may be, it is never in memory."""
    server.query(f'CREATE DATABASE "{database}"')
    restore = Part(server.command("pg_restore", "--exit-on-error", f"--dbname={database}"))
    parts = [cipher.decrypt(), restore] if cipher and dump.mac else [restore]
    with (folder / dump.file).open("rb") as file, pipeline(*parts, source=file):
        pass


def require_counts(server: Server, database: str, name: str, dump: Dump) -> None:
    with Session(server, database) as session:
        counts = count_rows(session.ask)
        heads = [row[0] for row in session.ask(HEADS)]
    if heads != dump.heads:
        raise CommandFailed(f"{name}: restored at revision {heads} and not {dump.heads}")
    for table in sorted({*counts, *dump.counts}):
        if counts.get(table) != dump.counts.get(table):
            raise CommandFailed(
                f"{name}: {table} has {counts.get(table)} rows when it is restored, "
                f"and had {dump.counts.get(table)}"
            )


def drop_scratch(server: Server) -> None:
    server.query(f"SET client_min_messages = error; DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")


def describe(folder: Path, manifest: Manifest, deleted: int) -> str:
    """One line."""
    size = sum(dump.bytes for dump in manifest.files)
    counted = sum(sum(dump.counts.values()) for dump in manifest.dumps.values())
    moment = "one moment" if manifest.is_one_moment else f"{manifest.seconds_apart:.2f} s apart"
    checked = f"restored and counted {counted} rows" if manifest.is_checked else "not checked"
    encrypted = "encrypted" if manifest.is_encrypted else "not encrypted"
    secrets = "with secrets" if manifest.secrets else "without secrets"
    old = f", {deleted} old ones deleted" if deleted else ""
    return (
        f"backup: {folder}: {readable_size(size)}, {moment}, {checked}, {encrypted}, {secrets}{old}"
    )


def readable_size(number: int) -> str:
    """For people."""
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def _days(layout: Layout) -> int:
    value = layout.setting("BACKUP_DAYS", str(BACKUP_DAYS))
    if not value.isdecimal() or not int(value):
        raise CommandFailed(f"BACKUP_DAYS={value} is no number of days")
    return int(value)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/backup", description=__doc__)
    parser.add_argument(
        "--check", action=argparse.BooleanOptionalAction, default=True,
        help="restore it into a scratch database and count",
    )  # fmt: skip
    parser.add_argument("--with-secrets", action="store_true", help="secrets/ and .env as well")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for each step")
    arguments = parser.parse_args()
    stop_on_signals()
    give_way()
    # Whatever is written is for its owner only.
    os.umask(0o077)
    layout = find_layout()
    steps = Steps() if arguments.verbose or sys.stdout.isatty() else Steps(lambda _: None)
    options = Options(arguments.check, arguments.with_secrets, _days(layout))
    print(describe(*back_up(layout, server_of(Engine(layout)), options, steps)))


if __name__ == "__main__":
    run_command("backup", main, tell=tell_sentry)
