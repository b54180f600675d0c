"""A backup is of one moment, comes back as it was, and says so when it would not."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployment import backup, snapshot
from deployment.archive import find_backup, list_backups, read_manifest, verify
from deployment.backup import Options, back_up, backup_lock, describe, drop_scratch, read_cipher
from deployment.errors import CommandFailed
from deployment.layout import Layout
from deployment.postgres import Server
from deployment.restore import open_backup
from deployment.snapshot import take_snapshots
from deployment.steps import Steps
from tests.deployment.databases import (
    Writer,
    age,
    layout_with_key,
    make_databases,
    server_of_run,
)
from tests.metrics import families

KEY = "a key with / + \" ' $ \\ and spaces, long enough"
QUIET = Steps(lambda _: None)


@pytest.fixture(scope="module")
async def server(postgres_url: str) -> Server:
    await make_databases(postgres_url)
    server = server_of_run(postgres_url)
    message = json.dumps({"id": "x", "note": "tab\there, \\ and 'quotes'"}).replace("'", "''")
    server.query(
        "INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts)"
        f" VALUES (gen_random_uuid(), 't', 't', '{message}', now(), now(), 0)",
        "events",
    )
    return server


@pytest.fixture(params=["", KEY], ids=["plain", "encrypted"])
def layout(tmp_path: Path, request: pytest.FixtureRequest) -> Layout:
    return layout_with_key(tmp_path, request.param)


@pytest.fixture
def plain(tmp_path: Path) -> Layout:
    return layout_with_key(tmp_path)


def make(layout: Layout, server: Server, **options: Any) -> Path:
    folder, _, _ = back_up(layout, server, Options(**options), QUIET)
    return folder


def test_a_backup_under_load_is_of_one_moment_and_comes_back(
    layout: Layout, server: Server
) -> None:
    with Writer(server):
        folder, manifest, _ = back_up(layout, server, Options(), QUIET)
    assert manifest.is_one_moment and manifest.is_checked
    written = manifest.dumps["events"].counts["public.erased_user"]
    assert written - manifest.dumps["auth"].counts["public.erasure"] in (0, 1)
    assert written > 0
    assert read_manifest(folder) == manifest
    assert "one moment, restored and counted" in describe(folder, manifest, 0)
    assert not list(layout.backups.glob(".*"))
    assert folder.stat().st_mode & 0o77 == 0
    assert backup.SCRATCH not in [row[0] for row in server.query("SELECT datname FROM pg_database")]


def test_prometheus_is_told_when_a_backup_was_last_made(
    plain: Layout, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    before = time.time()
    old = os.umask(0o077)
    try:
        make(plain, server, is_checked=False)
    finally:
        os.umask(old)
    file = plain.var / "metrics" / "backup.prom"
    [family] = families(file.read_text())
    assert family.name == "parterre_backup_last_success_timestamp_seconds"
    assert before - 1 <= family.samples[0].value <= time.time() + 1
    # node-exporter is nobody.
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o644, 0o755)

    shutil.rmtree(file.parent)
    file.parent.write_text("in the way")
    # A backup is named for its second.
    time.sleep(1)
    assert make(plain, server, is_checked=False).is_dir()
    assert "Prometheus is not told" in capsys.readouterr().err


def test_a_backup_that_fails_is_not_told(
    plain: Layout, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise CommandFailed("the disk is gone")

    monkeypatch.setattr(backup, "_write", fail)
    with pytest.raises(CommandFailed):
        make(plain, server)
    assert not (plain.var / "metrics" / "backup.prom").exists()


def test_control_databases_read_one_after_the_other_are_of_different_moments(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What three dumps are without a common snapshot."""
    with Writer(server), take_snapshots(server, ("events",)) as events:
        counted = snapshot.count_rows(events.sessions["events"].ask)["public.erased_user"]
        with take_snapshots(server, ("auth",)) as auth:
            later = snapshot.count_rows(auth.sessions["auth"].ask)["public.erasure"]
    assert later > counted


def test_without_a_common_moment_it_says_how_far_they_are_apart(
    plain: Layout, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_is_common", lambda seen: False)
    monkeypatch.setattr(snapshot, "PATIENCE_SECONDS", 0.1)
    folder, manifest, _ = back_up(plain, server, Options(), QUIET)
    assert not manifest.is_one_moment and manifest.seconds_apart > 0
    assert " s apart, restored" in describe(folder, manifest, 0)


def test_an_encrypted_backup_shows_nothing_and_notices_every_change(
    tmp_path: Path, server: Server
) -> None:
    layout = layout_with_key(tmp_path, KEY)
    folder = make(layout, server, with_secrets=True)
    content = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"PGDMP" not in content and b"what-nobody-may-read" not in content
    manifest, cipher = read_manifest(folder), read_cipher(layout)
    verify(folder, manifest, cipher)
    events, auth = folder / "events.dump.enc", folder / "auth.dump.enc"
    whole = events.read_bytes()
    changed = bytearray(whole)
    changed[len(changed) // 2] ^= 1
    for wrong in (bytes(changed), whole[:-1], auth.read_bytes()):
        events.write_bytes(wrong)
        with pytest.raises(CommandFailed, match="damaged or was changed"):
            verify(folder, manifest, cipher)
    events.write_bytes(whole)
    verify(folder, manifest, cipher)
    manifest.taken_at = manifest.taken_at.replace("2", "3", 1)
    with pytest.raises(CommandFailed, match="manifest.json was changed"):
        verify(folder, manifest, cipher)
    (layout.secrets / "backup_key").write_text(KEY + "x")
    with pytest.raises(CommandFailed, match="another key"):
        verify(folder, read_manifest(folder), read_cipher(layout))
    (layout.secrets / "backup_key").write_text("")
    with pytest.raises(CommandFailed, match="is encrypted"):
        verify(folder, read_manifest(folder), read_cipher(layout))


def test_secrets_are_in_it_only_when_they_are_asked_for_and_encrypted(
    tmp_path: Path, server: Server
) -> None:
    layout = layout_with_key(tmp_path)
    with pytest.raises(CommandFailed, match="needs a key"):
        make(layout, server, with_secrets=True)
    assert not (make(layout, server, is_checked=False) / "secrets.tar.enc").exists()


def test_a_short_key_is_refused(tmp_path: Path, server: Server) -> None:
    with pytest.raises(CommandFailed, match="shorter than 32"):
        make(layout_with_key(tmp_path, "changeme"), server)


def test_a_second_backup_at_once_is_refused(plain: Layout, server: Server) -> None:
    with backup_lock(plain), pytest.raises(CommandFailed, match="under way"):
        make(plain, server)


def test_a_full_disk_is_noticed_before(
    plain: Layout, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 1000))
    with pytest.raises(CommandFailed, match=r"has 0\.0 MB left, and .* MB are needed"):
        make(plain, server)
    assert list_backups(plain.backups) == []


@pytest.mark.parametrize("broken", ["pg_dump", "pg_restore", "openssl"])
def test_a_backup_that_fails_leaves_nothing(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / broken).write_text("#!/bin/sh\necho it is broken >&2\nexit 3\n")
    (programs / broken).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    prefix = tuple(
        part.replace("PATH=", f"PATH={programs}:") if part.startswith("PATH=") else part
        for part in server.prefix
    )
    layout = layout_with_key(tmp_path / "home", KEY)
    with pytest.raises(CommandFailed, match=f"{broken} failed: it is broken"):
        make(layout, Server(prefix))
    assert list(layout.backups.iterdir()) == []


def test_rows_that_are_missing_after_the_restore_are_noticed(
    plain: Layout, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the check: a dump that leaves out a table's rows."""
    command = Server.command

    def without_rows(self: Server, program: str, *arguments: str) -> list[str]:
        more = ("--exclude-table-data=outbox",) if program == "pg_dump" else ()
        return command(self, program, *arguments, *more)

    monkeypatch.setattr(Server, "command", without_rows)
    with pytest.raises(CommandFailed, match="events: public.outbox has 0 rows"):
        make(plain, server)
    assert list_backups(plain.backups) == []
    make(plain, server, is_checked=False)


def test_old_backups_go_and_the_last_good_one_stays(plain: Layout, server: Server) -> None:
    good = age(plain, make(plain, server), 40)
    unchecked = age(plain, make(plain, server, is_checked=False), 30)
    _, _, deleted = back_up(plain, server, Options(is_checked=False, days=14), QUIET)
    assert deleted == 1 and good.exists() and not unchecked.exists()
    newest = list_backups(plain.backups)[-1]
    shutil.rmtree(newest)
    (plain.backups / ".unfinished-20200101T000000Z").mkdir()
    _, _, deleted = back_up(plain, server, Options(days=14), QUIET)
    assert deleted == 1 and not good.exists()
    assert len(list(plain.backups.iterdir())) == 1


def test_a_backup_is_found_by_name_path_and_as_the_latest(plain: Layout, server: Server) -> None:
    with pytest.raises(CommandFailed, match="there is no backup"):
        find_backup(plain.backups, "latest")
    folder = make(plain, server, is_checked=False)
    for wanted in ("latest", folder.name, str(folder)):
        assert find_backup(plain.backups, wanted) == folder
    with pytest.raises(CommandFailed, match=folder.name):
        find_backup(plain.backups, "20200101T000000Z")


def test_a_backup_that_anybody_may_have_written_is_not_restored_where_there_is_a_key(
    tmp_path: Path, server: Server
) -> None:
    layout = layout_with_key(tmp_path)
    folder = make(layout, server, is_checked=False)
    assert open_backup(layout, folder.name)[2] is None
    (layout.secrets / "backup_key").write_text(KEY)
    with pytest.raises(CommandFailed, match="anybody may have written it"):
        open_backup(layout, folder.name)
    assert open_backup(layout, folder.name, allow_unsigned=True)[0] == folder


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda m: m["dumps"]["auth"].update(file="../../secrets/secret_key"), "a path"),
        (lambda m: m["dumps"]["auth"].update(file="/etc/passwd"), "a path"),
        (lambda m: m["dumps"].update({'x"; DROP DATABASE auth; --': m["dumps"]["auth"]}), "SQL"),
        (lambda m: m["dumps"].update({"x\n\\! id": m["dumps"]["auth"]}), "a command of psql"),
        (lambda m: m.update(taken_at="2026-01-01' OR true --"), "SQL"),
    ],
)
def test_a_manifest_names_its_own_files_and_databases_only(
    plain: Layout, server: Server, spoil: Callable[[dict[str, Any]], None], what: str
) -> None:
    folder = make(plain, server, is_checked=False)
    manifest = json.loads((folder / "manifest.json").read_text())
    spoil(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CommandFailed, match="names what no backup has"):
        read_manifest(folder)


def test_what_an_interrupted_check_has_left_is_removed(plain: Layout, server: Server) -> None:
    server.query(f"CREATE DATABASE {backup.SCRATCH}")
    make(plain, server)
    drop_scratch(server)
