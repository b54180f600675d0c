"""``./scripts/secrets``: what it makes, what it never touches, and what it says is left to do."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployment import preflight, rotation
from deployment import secrets as command
from deployment.engine import Container, Engine
from deployment.errors import CommandFailed
from deployment.layout import Layout
from deployment.secret_files import IMAGE_UID, SECRETS, SecretFiles
from service_kit.preflight.secrets import RULES
from service_kit.secret_rules import key_problem, password_problem
from tests.kit.test_secrets import NASTY

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = {"smtp_password", "sentry_dsn", "backup_key"}
OPERATOR = 1000


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("PARTERRE_HOME", str(tmp_path))
    monkeypatch.delenv("PARTERRE_UID", raising=False)
    return Layout(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["secrets", *arguments])
    command.main()


def content(layout: Layout) -> dict[str, str]:
    return {path.name: path.read_text() for path in layout.secrets.iterdir()}


class Servers(Engine):
    """Records what is executed in which container, instead of doing it."""

    def __init__(self, layout: Layout, *, are_running: bool = True) -> None:
        super().__init__(layout)
        self.are_running = are_running
        self.calls: list[tuple[str, tuple[str, ...], str]] = []

    def running(self, service: str) -> Container:
        if not self.are_running:
            raise CommandFailed(f"{service} is not running")
        state = {"Status": "running"}
        name = {"Id": service, "Name": service, "Image": "", "Config": {"Image": ""}}
        return Container.from_inspect({**name, "State": state})

    def docker(self, *arguments: str, stdin: bytes | None = None, **_: Any) -> str:
        self.calls.append((arguments[2], arguments[3:], (stdin or b"").decode()))
        return "OK\n"


def test_each_secret_is_made_once_for_its_owner_only(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch)
    made = content(layout)
    assert made.keys() == SECRETS.keys()
    for name, text in made.items():
        assert (text == "") == (name in OPTIONAL)
        value = text.removesuffix("\n")
        assert name in OPTIONAL or (password_problem(value), key_problem(value)) == (None, None)
    filled = [text for text in made.values() if text]
    assert len(set(filled)) == len(filled)
    assert layout.secrets.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in layout.secrets.iterdir()} == {0o600}

    run(monkeypatch)
    assert content(layout) == made
    said = capsys.readouterr().out
    assert "15 of them new" in said and "0 of them new" in said
    assert not [text for text in filled if text.strip() in said]


def test_what_is_there_stays_and_only_its_access_is_mended(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.secrets.mkdir()
    (layout.secrets / "redis_password").write_text("own\n")
    (layout.secrets / "redis_password").chmod(0o644)
    run(monkeypatch)
    assert content(layout)["redis_password"] == "own\n"
    assert (layout.secrets / "redis_password").stat().st_mode & 0o777 == 0o600


def test_secrets_of_an_earlier_release_are_taken_over(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layout.settings.write_text(
        'POSTGRES_PASSWORD=of the volume\nREDIS_PASSWORD="quoted one"\nSECRET_KEY=\n'
        "FLOWER_BASIC_AUTH=ops:at:work\n# AUTH_DATABASE_PASSWORD=no\n"
    )
    run(monkeypatch)
    made = content(layout)
    assert made["postgres_password"] == "of the volume\n"
    assert made["redis_password"] == "quoted one\n"
    assert made["flower_password"] == "at:work\n"
    assert len(made["secret_key"]) > 32 and len(made["auth_database_password"]) > 32
    said = capsys.readouterr().out
    assert "nothing reads them any more: POSTGRES_PASSWORD, REDIS_PASSWORD" in said
    assert "of the volume" not in said


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_roots_files_belong_to_the_user_of_the_containers(layout: Layout) -> None:
    files = SecretFiles(layout)
    files.make_missing({})
    assert {path.stat().st_uid for path in layout.secrets.iterdir()} == {IMAGE_UID}
    files.replace("redis_password")
    assert {path.stat().st_uid for path in layout.secrets.iterdir()} == {IMAGE_UID}

    layout.settings.write_text("PARTERRE_UID=1234\n")
    files.mend_access()
    assert {path.stat().st_uid for path in layout.secrets.iterdir()} == {1234}


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="changes its user")
def test_an_operators_containers_run_as_the_operator(layout: Layout) -> None:
    layout.home.chmod(0o755)
    for folder in list(layout.home.parents)[:3]:
        folder.chmod(folder.stat().st_mode | 0o711)
    home = layout.home / "home"
    home.mkdir()
    os.chown(home, OPERATOR, OPERATOR)
    done = as_operator(home)
    assert done.returncode == 0, done.stderr
    assert (home / ".env").read_text() == f"PARTERRE_UID={OPERATOR}\n"
    assert {path.stat().st_uid for path in (home / "secrets").iterdir()} == {OPERATOR}

    (home / ".env").write_text("PARTERRE_UID=77\n")
    done = as_operator(home)
    assert done.returncode == 1 and "PARTERRE_UID is 77, but this is user 1000" in done.stderr


def as_operator(home: Path) -> subprocess.CompletedProcess[str]:
    # The operator may not read the folders above this one, which belong to root.
    scripts = home.parent / "scripts"
    if not scripts.exists():
        shutil.copytree(ROOT / "scripts" / "deployment", scripts / "deployment")
        shutil.copy(ROOT / "scripts" / "secrets", scripts / "secrets")
    program = ["setpriv", f"--reuid={OPERATOR}", f"--regid={OPERATOR}", "--clear-groups"]
    environment = {"PATH": "/usr/bin:/bin", "PARTERRE_HOME": str(home)}
    return subprocess.run(
        [*program, str(scripts / "secrets")],
        env=environment, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_change_keeps_the_value_before_until_it_is_told_to_forget(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch)
    before = content(layout)
    run(monkeypatch, "--rotate", "secret_key")
    after = content(layout)
    assert after["secret_key.old"] == before["secret_key"] != after["secret_key"]
    assert {name for name in after if after[name] != before.get(name)} == {
        "secret_key", "secret_key.old",
    }  # fmt: skip
    with pytest.raises(CommandFailed, match="--forget secret_key"):
        run(monkeypatch, "--rotate", "secret_key")
    assert content(layout) == after

    run(monkeypatch, "--list")
    assert "the one before is kept" in capsys.readouterr().out
    run(monkeypatch, "--forget", "secret_key")
    assert "secret_key.old" not in content(layout)
    with pytest.raises(CommandFailed, match="there is no"):
        run(monkeypatch, "--forget", "secret_key")


def test_a_container_keeps_the_file_that_it_was_started_with(layout: Layout) -> None:
    """A mounted file is an inode: the running server goes on with the password that it knows."""
    files = SecretFiles(layout)
    files.make_missing({})
    with (layout.secrets / "redis_password").open() as mounted:
        before = files.read("redis_password")
        files.replace("redis_password")
        assert mounted.read().strip() == before != files.read("redis_password")


@pytest.mark.parametrize("name", ["smtp_password", "sentry_dsn"])
def test_what_others_give_is_not_made_up(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run(monkeypatch)
    with pytest.raises(CommandFailed, match=f"--set {name}"):
        run(monkeypatch, "--rotate", name)


def test_a_value_may_be_given_on_standard_input(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(monkeypatch)
    (tmp_path / "value").write_text(f"{NASTY}\n")
    with (tmp_path / "value").open() as value:
        monkeypatch.setattr(sys, "stdin", value)
        run(monkeypatch, "--set", "smtp_password")
    assert SecretFiles(layout).read("smtp_password") == NASTY
    # It was empty before, which nobody needs again.
    assert "smtp_password.old" not in content(layout)

    (tmp_path / "value").write_text("two\nlines\n")
    with (tmp_path / "value").open() as value:
        monkeypatch.setattr(sys, "stdin", value)
        with pytest.raises(CommandFailed, match="is one line"):
            run(monkeypatch, "--set", "smtp_password")
    assert SecretFiles(layout).read("smtp_password") == NASTY


def test_a_link_gives_no_other_file_away(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run(monkeypatch)
    other = tmp_path / "other"
    other.touch(mode=0o644)
    other.chmod(0o644)
    (layout.secrets / "innocent").symlink_to(other)
    before = other.stat()
    run(monkeypatch)
    assert other.stat() == before


def test_containers_do_not_run_as_root(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTERRE_UID", "0")
    with pytest.raises(CommandFailed, match="as root"):
        run(monkeypatch)


def test_a_value_that_is_typed_is_not_shown(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch)
    shown, terminal = os.openpty()
    with os.fdopen(terminal, "r+b", buffering=0) as keyboard:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(keyboard))
        monkeypatch.setattr("getpass.getpass", lambda prompt: NASTY)
        run(monkeypatch, "--set", "smtp_password")
    os.close(shown)
    assert SecretFiles(layout).read("smtp_password") == NASTY


def test_an_unknown_name_is_refused(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    for option in ("--rotate", "--forget", "--apply"):
        with pytest.raises(CommandFailed, match="there is no secret passwords"):
            run(monkeypatch, option, "passwords")


def test_a_running_postgresql_is_told_without_an_argument_that_others_see(layout: Layout) -> None:
    files, servers = SecretFiles(layout), Servers(layout)
    files.make_missing({"event_database_password": NASTY})
    rotation.tell_servers(servers, files, "event_database_password")
    [(container, arguments, stdin)] = servers.calls
    assert container == "postgres" and arguments[0] == "psql"
    assert stdin.endswith('ALTER ROLE "events" PASSWORD \'' + NASTY.replace("'", "''") + "';\n")
    assert NASTY not in " ".join(arguments)


def test_both_redis_take_the_new_password_beside_the_old_one(layout: Layout) -> None:
    files, servers = SecretFiles(layout), Servers(layout)
    files.make_missing({})
    rotation.tell_servers(servers, files, "redis_password")
    assert [container for container, _, _ in servers.calls] == ["redis-broker", "redis-cache"]
    for _, arguments, _ in servers.calls:
        assert arguments[-4:-1] == ("ACL", "SETUSER", "default")
        assert files.read("redis_password") not in " ".join(arguments)


def test_each_change_says_what_to_restart(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    files = SecretFiles(layout)
    files.make_missing({})
    assert rotation.FOLLOWS.keys() == SECRETS.keys()
    for name in SECRETS:
        command.change(files, Servers(layout), name, "another-value-that-is-long-enough")
        said = capsys.readouterr().out
        assert all(step in said for step in rotation.FOLLOWS[name].commands)
        assert "another-value" not in said
        assert (f"--forget {name}" in said) == (name not in OPTIONAL)


def test_a_server_that_does_not_run_is_told_later(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    files = SecretFiles(layout)
    files.make_missing({})
    command.change(files, Servers(layout, are_running=False), "redis_password", None)
    steps = capsys.readouterr().out.splitlines()
    first = steps.index("Now, in this order:") + 1
    assert steps[first].strip() == "./scripts/secrets --apply redis_password"
    assert steps[first + 1].strip().startswith("./scripts/compose restart auth auth-relay event")


def test_postgresql_changes_a_services_password_only_when_the_service_is_restarted(
    layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    files, servers = SecretFiles(layout), Servers(layout)
    files.make_missing({})
    command.change(files, servers, "auth_database_password", None)
    assert servers.calls == []
    assert (
        "./scripts/secrets --apply auth_database_password && ./scripts/compose restart auth auth-relay"
        in capsys.readouterr().out
    )


def test_preflight_names_missing_files_before_docker_does(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch)
    for name in ("redis_password", "sentry_dsn"):
        (layout.secrets / name).unlink()
    with pytest.raises(CommandFailed, match=r"missing \(redis_password, sentry_dsn\)"):
        preflight.main()


def test_preflight_knows_the_secrets_that_are_made() -> None:
    # Neither is in a container that a deployment starts.
    assert RULES.keys() == SECRETS.keys() - {"backup_key", "monitoring_database_password"}
    assert {name for name, rule in RULES.items() if rule.is_optional} == OPTIONAL - {"backup_key"}


def test_development_has_a_file_for_each_secret_that_containers_read() -> None:
    names = {path.name for path in (ROOT / "deploy" / "development" / "secrets").iterdir()}
    assert names == SECRETS.keys() - {"backup_key"}


def test_no_secret_gets_into_an_image_or_the_repository() -> None:
    assert (ROOT / ".dockerignore").read_text().splitlines()[0] == "*"
    assert "!secrets" not in (ROOT / ".dockerignore").read_text()
    asked = subprocess.run(
        ["git", "check-ignore", "secrets/redis_password", "secrets/redis_password.old"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "not a git repository" in asked.stderr:
        pytest.skip("not a clone")
    assert len(asked.stdout.split()) == 2, json.dumps(asked.stderr)
