"""``./scripts/restore BACKUP|latest``: the databases as they were when the backup was taken.

They are restored and counted beside those in use, while people are served. Then the services are stopped,
the databases are exchanged and migrated, and the services are started and asked by their doctors and by
the smoke test. What was in use before stays there until ``./scripts/restore --drop-previous``.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from deployment import archive, restored_mails, swap
from deployment.archive import Manifest
from deployment.backup import (
    SPARE_BYTES,
    backup_lock,
    check_by_restoring,
    read_ciphers,
    readable_size,
    require_counts,
    restore_dump,
)
from deployment.encryption import Cipher
from deployment.engine import Engine
from deployment.errors import CommandFailed, one_line, run_command
from deployment.layout import Layout, find_layout
from deployment.lock import hold_lock
from deployment.postgres import Part, Server, server_of
from deployment.restore_host import ComposeHost
from deployment.sentry import tell_sentry
from deployment.signals import stop_on_signals, undisturbed
from deployment.steps import Steps

WORD = "restore"
# With indexes, and unpacked.
TIMES_OF_DUMP = 6
SERVER_ATTEMPTS, SERVER_PAUSE_SECONDS = 20, 3.0
# What was revoked after the backup would be valid again.
END_SESSIONS = "UPDATE user_session SET revoked_at = now() WHERE revoked_at IS NULL"


class Host(Protocol):
    """What a restore does to the containers."""

    def stop(self) -> None:
        """All that reads or writes the databases."""

    def empty_queues(self) -> None:
        """The rows say what is to be sent, and pages are made anew."""

    def migrate(self) -> None: ...

    def hold(self, taken_at: datetime) -> Part: ...

    def start(self) -> None:
        """What ``stop`` has stopped, or everything; returns when it is healthy."""

    def examine(self) -> None:
        """Doctors and smoke test. Raises CommandFailed if something is wrong."""


@dataclass(frozen=True)
class Options:
    """``hold_mails``: True and False decide; None lets the database of before decide, if it can."""

    hold_mails: bool | None = None
    keep_sessions: bool = False


def restore(
    layout: Layout,
    server: Server,
    host: Host,
    folder: Path,
    manifest: Manifest,
    cipher: Cipher | None,
    options: Options,
    steps: Steps,
) -> str:
    """Returns what a person has to know, in a few lines. Raises CommandFailed; until the services are
    stopped nothing has changed, and from there on everything is put back."""
    names = list(manifest.dumps)
    with hold_lock(layout, "a restore"), backup_lock(layout):
        require_room(server, manifest)
        _restore_beside(server, folder, manifest, cipher, steps)
        steps("stopping the services")
        moment = datetime.now(UTC)
        try:
            host.stop()
            swap.put_in_use(server, names, moment)
            steps("the restored databases are in place")
            mails = _adapt(server, host, manifest, options, moment, steps)
        except BaseException:
            with undisturbed():
                steps("failed: putting back what was in use before")
                _wait_for(server, steps)
                swap.take_back(server, names, moment)
                host.start()
            raise
        with undisturbed():
            host.start()
        steps("the services are up")
        host.examine()
    return "\n".join([*_explain(server, manifest, moment), mails])


def _wait_for(server: Server, steps: Steps, sleep: Callable[[float], None] = time.sleep) -> None:
    """Until PostgreSQL answers: its end may be what has failed. Raises CommandFailed after a minute."""
    for attempts_left in reversed(range(SERVER_ATTEMPTS)):
        try:
            server.query("SELECT 1")
            return
        except CommandFailed as error:
            if not attempts_left:
                raise CommandFailed(
                    f"PostgreSQL does not answer, so nothing is put back and the services are stopped: "
                    f"{one_line(error)}\nOnce it runs (./scripts/compose up -d --no-deps postgres): the same"
                    " command again. What was in use before is in the databases NAME_before_..."
                ) from None
        steps("PostgreSQL does not answer; asking again in a moment")
        sleep(SERVER_PAUSE_SECONDS)


def require_room(server: Server, manifest: Manifest) -> None:
    """Raises CommandFailed before PostgreSQL's disk is full."""
    needed = sum(dump.bytes for dump in manifest.dumps.values()) * TIMES_OF_DUMP + SPARE_BYTES
    free = server.free_bytes()
    if free < needed:
        raise CommandFailed(
            f"PostgreSQL's disk has {readable_size(free)} left, and about {readable_size(needed)} "
            "are needed; make room: "
            "./scripts/restore --drop-previous deletes what earlier restores have put aside"
        )


def _restore_beside(
    server: Server, folder: Path, manifest: Manifest, cipher: Cipher | None, steps: Steps
) -> None:
    for name, dump in manifest.dumps.items():
        database = swap.restored(name)
        swap.drop(server, database)
        steps(f"{name}: restoring beside the one in use")
        restore_dump(folder, dump, server, cipher, database)
        require_counts(server, database, name, dump)
        swap.give_to_owner(server, name)
        # Without statistics the first queries would read whole tables.
        server.query("ANALYZE", database)
    steps("all rows are there")


def _adapt(
    server: Server,
    host: Host,
    manifest: Manifest,
    options: Options,
    moment: datetime,
    steps: Steps,
) -> str:
    """Migrates, empties the queues and settles what happens to sessions and mails; says so."""
    host.empty_queues()
    host.migrate()
    steps("queue and cache are empty, the schema is that of this release")
    if not options.keep_sessions:
        server.query(END_SESSIONS, "auth")
    old = swap.before(restored_mails.NOTIFICATIONS, moment)
    is_known = restored_mails.knows_what_was_sent(server, manifest, old)
    if is_known and options.hold_mails is not True:
        count = restored_mails.take_over_sent(server, manifest.time, old)
        return f"Mails: {count} that were sent since the backup are known and are not sent again."
    if options.hold_mails is False:
        return "Mails: those that were on their way when the backup was taken may come twice."
    restored_mails.hold_unsent(server, host.hold(manifest.time))
    held = restored_mails.count_held(server)
    return (
        f"Mails: {held} may have been sent since the backup and are held. ./scripts/compose exec "
        "notification python -m notification_service.cli stuck shows them, retry sends them."
    )


def _explain(server: Server, manifest: Manifest, moment: datetime) -> list[str]:
    lines = [f"restore: the databases are as of {manifest.time:%Y-%m-%d %H:%M:%S} UTC."]
    lost = swap.before("events", moment)
    if swap.exists(server, lost):
        count = server.value(
            "SELECT count(*) FROM booking WHERE status = 'confirmed'"
            f" AND coalesce(confirmed_at, created_at) > '{manifest.taken_at}'",
            lost,
        )
        lines.append(
            f"{count} bookings were confirmed since and are lost; their tickets are not admitted. "
            f"They are in {lost}, until ./scripts/restore --drop-previous."
        )
    return lines


def confirm(manifest: Manifest, read: Callable[[str], str] = input) -> None:
    """Raises CommandFailed unless the person types the word."""
    age = timedelta(seconds=int((datetime.now(UTC) - manifest.time).total_seconds()))
    print(
        f"All that was booked, cancelled and sent since {manifest.time:%Y-%m-%d %H:%M:%S} UTC "
        f"({age} ago) will not be in the databases any more."
    )
    if read(f"Type {WORD} to go on: ").strip() != WORD:
        raise CommandFailed("nothing was changed")


def open_backup(
    layout: Layout, wanted: str, *, allow_unsigned: bool = False
) -> tuple[Path, Manifest, Cipher | None]:
    """A backup whose every byte is as it was written, and what decrypts it. Raises CommandFailed.

    Where there is a key, a backup without one may be anybody's, and PostgreSQL's administrator would run
    what stands in it: it is refused unless that is ``allow_unsigned``.
    """
    folder = archive.find_backup(layout.backups, wanted)
    manifest = archive.read_manifest(folder)
    ciphers = read_ciphers(layout)
    if not manifest.is_encrypted:
        if any(ciphers) and not allow_unsigned:
            raise CommandFailed(
                f"{folder} is not encrypted, though there is a backup_key: anybody may have written "
                "it. If it is yours, from before the key: --allow-unsigned"
            )
        ciphers = [None]
    for cipher in ciphers[:-1]:
        if cipher is not None and archive.is_signed_by(manifest, cipher):
            archive.verify(folder, manifest, cipher)
            return folder, manifest, cipher
    archive.verify(folder, manifest, ciphers[-1])
    return folder, manifest, ciphers[-1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/restore", description=__doc__)
    parser.add_argument("backup", nargs="?", help="folder or name of a backup, or latest")
    parser.add_argument("--into-scratch", action="store_true", help="only try it, and count")
    parser.add_argument("--yes", action="store_true", help="without asking")
    parser.add_argument(
        "--allow-unsigned", action="store_true", help="a backup from before there was a backup_key"
    )
    parser.add_argument(
        "--hold-mails", action=argparse.BooleanOptionalAction, default=None,
        help="hold mails that may have been sent since; without it, if that cannot be known",
    )  # fmt: skip
    parser.add_argument("--keep-sessions", action="store_true", help="nobody has to sign in again")
    parser.add_argument("--without-smoke", action="store_true", help="the doctors only")
    parser.add_argument(
        "--drop-previous", action="store_true", help="delete what earlier restores have put aside"
    )
    arguments = parser.parse_args()
    stop_on_signals()
    # Of a connection that breaks: the services are stopped for a while, and nobody would start them.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    layout, started = find_layout(), time.monotonic()
    engine, steps = Engine(layout), Steps()
    server = server_of(engine)
    if arguments.drop_previous:
        with backup_lock(layout):
            names = swap.list_before(server)
            swap.drop(server, *names)
        print(f"restore: deleted: {', '.join(names) or 'none'}")
        return
    if not arguments.backup:
        parser.error("which backup? Its name, or latest")
    folder, manifest, cipher = open_backup(
        layout, arguments.backup, allow_unsigned=arguments.allow_unsigned
    )
    steps(f"{folder}: every byte is as it was written")
    if arguments.into_scratch:
        with backup_lock(layout):
            check_by_restoring(folder, manifest, server, cipher, steps)
        print(f"restore: {folder} restores, and all rows are there; nothing was changed")
        return
    if not arguments.yes:
        confirm(manifest)
    host = ComposeHost(engine, steps, with_smoke=not arguments.without_smoke)
    options = Options(arguments.hold_mails, arguments.keep_sessions)
    print(restore(layout, server, host, folder, manifest, cipher, options, steps))
    print(f"restore: done in {time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    run_command("restore", main, tell=tell_sentry)
