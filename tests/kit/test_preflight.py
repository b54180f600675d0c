"""Every setting and secret is looked at before anything starts, and all that is wrong is said at once."""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from service_kit.preflight import mail_server, public
from service_kit.preflight.__main__ import main
from service_kit.preflight.report import examine_host
from service_kit.preflight.secrets import RULES
from service_kit.preflight.services import SERVICES
from stack.ports import free_port
from tests.kit.test_secrets import NASTY, own_redis
from tests.notifications.test_smtp_tls import certificate
from tests.processes import OwnRedis

__all__ = ["certificate", "own_redis"]
SENDER = "tickets@parterre.test"
USER = "tickets@parterre.test"
ROLES = ("postgres", "auth", "events", "notifications")


class MailServer:
    """Takes ``USER`` with ``NASTY`` (without what is not ASCII), and one sender."""

    password = NASTY.replace("äß", "ae")

    def __init__(self) -> None:
        self.refuses_sender = False
        self.taken: list[str | bytes] = []

    def sign_in(self, _: Any, __: Any, ___: Any, mechanism: str, data: Any) -> AuthResult:
        if mechanism not in ("PLAIN", "LOGIN"):
            return AuthResult(success=False, handled=False)
        is_right = (data.login, data.password) == (USER.encode(), self.password.encode())
        return AuthResult(success=is_right, handled=False)

    async def handle_MAIL(
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuses_sender:
            return "553 5.7.1 Sender address rejected"
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:
        self.taken.append(envelope.content or b"")
        return "250 OK"


@contextmanager
def mail_at(handler: MailServer, **options: Any) -> Iterator[int]:
    """The port of a mail server that is listening."""
    port = free_port()
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=port,
        authenticator=handler.sign_in,
        auth_require_tls=False,
        **options,
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All secrets, good ones."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    for number, name in enumerate(RULES):
        optional = RULES[name].is_optional
        (folder / name).write_text("" if optional else f"{NASTY}{number:02}\n")
    return folder


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, folder: Path) -> pytest.MonkeyPatch:
    """The environment that Compose gives preflight on a host where nothing runs yet."""
    closed = str(free_port())
    environment = {
        "ENVIRONMENT": "production",
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": closed,
        "DATABASE_NAME": "auth",
        "DATABASE_USER": "auth",
        "DATABASE_PASSWORD_FILE": "/run/secrets/auth_database_password",
        "BROKER_HOST": "127.0.0.1",
        "BROKER_PORT": closed,
        "CACHE_HOST": "127.0.0.1",
        "CACHE_PORT": closed,
        "REDIS_PASSWORD_FILE": "/run/secrets/redis_password",
        "PUBLIC_URL": "https://tickets.parterre.test",
        "PUBLIC_HOST": "tickets.parterre.test",
        "MAIL_FROM": f"Parterre <{SENDER}>",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": closed,
        "SMTP_SECURITY": "none",
        "PREFLIGHT_MAIL": "skip",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def problems(folder: Path) -> list[str]:
    found, _ = examine_host(folder)
    assert not [line for line in found if "\n" in line or NASTY.strip() in line]
    return found


def test_a_host_that_is_well_has_no_problem(host: pytest.MonkeyPatch, folder: Path) -> None:
    before = dict(os.environ)
    found, remarks = examine_host(folder)
    assert found == []
    assert [remark.partition(" ")[0] for remark in remarks] == ["the", "PostgreSQL", "Redis"]
    assert dict(os.environ) == before


def spoil(folder: Path, name: str, content: str | None) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)


KEY_PROBLEM = "is a placeholder or shorter than 32 characters"
SPOILED = [
    ("redis_password", None, "is missing: run ./scripts/secrets"),
    ("postgres_password", "", "is empty: delete it and run ./scripts/secrets"),
    ("postgres_password", "changeme", "is one that everybody knows: ./scripts/secrets --rotate"),
    ("flower_password", "x", "is shorter than 16 characters: ./scripts/secrets --rotate flower"),
    ("event_database_password", "development", "is one that everybody knows"),
    ("secret_key", "change-me" * 9, KEY_PROBLEM),
    ("verification_token_secret", "short", KEY_PROBLEM),
    ("event_service_client_secret", "x" * 31, KEY_PROBLEM),
    ("secret_key", "x" * 64, "has fewer than 8 different characters: ./scripts/secrets --rotate"),
    ("redis_password", "drowssapdrowssap", "has fewer than 8 different characters"),
    ("auth_database_password", f"{NASTY}\r\n", "contains a line break or another control"),
    ("redis_password", "\0" * 40, "contains a line break or another control"),
    ("smtp_password", "changeme", "is a placeholder: ./scripts/secrets --set smtp_password"),
    ("sentry_dsn", "change-me", "is a placeholder: ./scripts/secrets --set sentry_dsn"),
    ("sentry_dsn", "sentry.io/4", "is no address such as https://KEY@HOST/NUMBER"),
]


@pytest.mark.parametrize(("name", "content", "what"), SPOILED)
def test_each_secret_that_is_missing_or_weak_is_named(
    host: pytest.MonkeyPatch, folder: Path, name: str, content: str | None, what: str
) -> None:
    spoil(folder, name, content)
    [line] = [line for line in problems(folder) if line.startswith(f"secrets/{name} {what}")]


def test_secrets_that_are_alike_are_named(host: pytest.MonkeyPatch, folder: Path) -> None:
    for name in ("secret_key", "reset_password_token_secret"):
        spoil(folder, name, NASTY * 2)
    assert problems(folder) == [
        "secrets/secret_key and secrets/reset_password_token_secret are the same: "
        "./scripts/secrets --rotate reset_password_token_secret"
    ]


def test_a_file_that_belongs_to_another_user_says_whose_it_is(
    host: pytest.MonkeyPatch, folder: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    folder.chmod(0o755)
    for parent in list(folder.parents)[:4]:
        parent.chmod(parent.stat().st_mode | 0o711)
    (folder / "redis_password").chmod(0o600)
    os.chown(folder / "redis_password", 1000, -1)
    os.seteuid(10001)
    try:
        found = [line for line in problems(folder) if "redis_password" in line]
    finally:
        os.seteuid(0)
    assert len(found) == 1
    assert "secrets/redis_password belongs to user 1000" in found[0]
    assert "set PARTERRE_UID=1000 in .env" in found[0]


WRONG_SETTINGS: list[tuple[dict[str, str], str]] = [
    ({"HOLD_SECONDS": "soon"}, "HOLD_SECONDS: Input should be a valid integer"),
    ({"ACCESS_TOKEN_SECONDS": "0"}, "ACCESS_TOKEN_SECONDS: Input should be greater than or equal"),
    ({"WORKER_PROCESSES": "0"}, "WORKER_PROCESSES: Input should be greater than or equal to 1"),
    ({"BAD_PASSWORDS": "none"}, "BAD_PASSWORDS: Input should be a valid integer"),
    ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL: Input should be 'DEBUG'"),
    ({"SMTP_HOST": ""}, "SMTP_URL: is not set, nor SMTP_HOST"),
    ({"SMTP_SECURITY": "ssl"}, "SMTP_SECURITY: Input should be 'starttls'"),
    ({"MAIL_FROM": "Parterre"}, "MAIL_FROM: must be like Parterre <tickets@example.com>"),
    ({"MAIL_FROM": "Parterre <tickets@example.com>"}, "MAIL_FROM=Parterre <tickets@example.com>"),
    ({"MAIL_FROM": "Hall, Ltd <a@b.org>"}, "MAIL_FROM: must be like Parterre"),
    ({"MAIL_FROM": "Hall <a@bühne.org>"}, "with an address in ASCII"),
    ({"MAIL_FROM": "tickets@localhost"}, "MAIL_FROM=tickets@localhost is a placeholder"),
    ({"PUBLIC_URL": "http://tickets.parterre.test"}, "must begin with https://"),
    ({"PUBLIC_URL": "tickets.parterre.test"}, "PUBLIC_URL: must start with http:// or https://"),
    ({"PUBLIC_URL": "https://tickets.parterre.test/shop"}, "must end after the host"),
    ({"PUBLIC_HOST": "other.parterre.test"}, "both must name the same host"),
    ({"PUBLIC_HOST": "https://tickets.parterre.test"}, "must be a host name alone"),
    ({"PUBLIC_HOST": "example.com", "PUBLIC_URL": "https://example.com"}, "is the example's"),
    ({"FLOWER_USER": "a:b"}, "FLOWER_USER contains a colon"),
    ({"SMTP_USER": USER}, "SMTP_USER is set, but secrets/smtp_password is empty"),
    ({"HOLD_SECONDS_FILE": "/not/there"}, "cannot be read: /not/there"),
]


@pytest.mark.parametrize(("changes", "line"), WRONG_SETTINGS)
def test_each_wrong_setting_of_each_service_is_named(
    host: pytest.MonkeyPatch, folder: Path, changes: dict[str, str], line: str
) -> None:
    for name, value in changes.items():
        host.setenv(name, value)
    assert [found for found in problems(folder) if line in found], problems(folder)


@pytest.mark.parametrize("name", ["Bühne Köln", '"Hall, Ltd"'])
def test_a_sender_may_have_any_name(host: pytest.MonkeyPatch, folder: Path, name: str) -> None:
    host.setenv("MAIL_FROM", f"{name} <{SENDER}>")
    assert problems(folder) == []


def test_all_is_said_at_once_and_nothing_of_a_secret(
    host: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host.setattr("service_kit.preflight.secrets.FOLDER", folder)
    host.setattr("service_kit.preflight.report.FOLDER", folder)
    host.setattr("service_kit.preflight.__main__.examine_host", lambda: examine_host(folder))
    assert main() == 0
    assert "settings and secrets are well" in capsys.readouterr().out
    spoil(folder, "redis_password", "short")
    spoil(folder, "postgres_password", None)
    host.setenv("HOLD_SECONDS", "soon")
    host.setenv("BAD_PASSWORDS", "none")
    host.setenv("PUBLIC_HOST", "other.parterre.test")
    assert main() == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 6 and said[-1].startswith("preflight: 5 problems")
    for word in ("redis_password", "postgres_password", "HOLD_", "BAD_PASS", "PUBLIC_HOST"):
        assert len([line for line in said if word in line]) == 1, said


def test_development_needs_secrets_that_can_be_read_and_nothing_else(
    host: pytest.MonkeyPatch, folder: Path
) -> None:
    host.setenv("ENVIRONMENT", "development")
    host.setenv("PUBLIC_URL", "http://localhost:8080")
    host.delenv("PREFLIGHT_MAIL")
    for name in RULES:
        spoil(folder, name, "development")
    assert problems(folder) == []
    spoil(folder, "redis_password", None)
    assert len(problems(folder)) == 1


def test_this_machine_alone_needs_no_certificate(host: pytest.MonkeyPatch, folder: Path) -> None:
    host.setenv("PUBLIC_URL", "http://localhost:8080")
    host.setenv("PUBLIC_HOST", "localhost")
    host.setenv("MAIL_FROM", "Parterre <tickets@localhost>")
    assert problems(folder) == []


@pytest.mark.parametrize(
    ("url", "others_reach_it"),
    [
        ("https://tickets.parterre.test", True),
        ("http://192.0.2.1:8080", True),
        ("http://127.0.0.1", False),
        ("http://[::1]:8080", False),
        ("http://tickets.localhost", False),
        ("https://[", False),
    ],
)
def test_who_can_reach_an_address(url: str, others_reach_it: bool) -> None:
    assert public.is_public(url) == others_reach_it


def sign_in_url(port: int, *, scheme: str = "smtp", password: str = "wrong") -> str:
    return f"{scheme}://{USER.replace('@', '%40')}:{password}@127.0.0.1:{port}"


def test_the_mail_server_is_asked_with_any_character_in_its_password(
    host: pytest.MonkeyPatch, folder: Path
) -> None:
    handler = MailServer()
    host.delenv("PREFLIGHT_MAIL")
    host.setenv("SMTP_USER", USER)
    (folder / "smtp_password").write_text(handler.password)
    with mail_at(handler) as port:
        host.setenv("SMTP_PORT", str(port))
        assert problems(folder) == []
        (folder / "smtp_password").write_text(f"{handler.password}x")
        [line] = problems(folder)
    assert f"The mail server 127.0.0.1:{port} refuses the sign-in (535)" in line
    assert "--set smtp_password" in line
    assert handler.taken == []


def test_the_whole_address_of_an_earlier_release_is_asked(
    host: pytest.MonkeyPatch, folder: Path
) -> None:
    host.delenv("PREFLIGHT_MAIL")
    with mail_at(MailServer()) as port:
        host.setenv("SMTP_URL", sign_in_url(port))
        [line] = problems(folder)
    assert "refuses the sign-in (535)" in line


def test_a_mail_server_that_is_away_or_takes_no_sender_is_named(
    host: pytest.MonkeyPatch, folder: Path
) -> None:
    host.delenv("PREFLIGHT_MAIL")
    [line] = problems(folder)
    assert "cannot be reached (Connection refused)" in line and "PREFLIGHT_MAIL=skip" in line
    handler = MailServer()
    handler.refuses_sender = True
    with mail_at(handler) as port:
        host.setenv("SMTP_PORT", str(port))
        [line] = problems(folder)
    assert f"refuses {SENDER} as sender (553): check MAIL_FROM" in line


def test_a_mail_server_without_starttls_is_named() -> None:
    with mail_at(MailServer()) as port:
        [line] = mail_server.examine(f"smtp+starttls://127.0.0.1:{port}", SENDER)
        assert "offers no STARTTLS" in line
        [line] = mail_server.examine(f"smtps://127.0.0.1:{port}", SENDER)
        assert "does not speak TLS there" in line


def test_a_certificate_must_be_valid(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with mail_at(MailServer(), tls_context=context, require_starttls=True) as port:
        url = f"smtp+starttls://127.0.0.1:{port}"
        [line] = mail_server.examine(url, SENDER)
        assert "has no valid certificate (self-signed certificate)" in line
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert mail_server.examine(url, SENDER) == []


def test_a_mail_server_that_says_nothing_ends_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_server, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        [line] = mail_server.examine(f"smtp://127.0.0.1:{port}", SENDER)
    assert "cannot be reached (" in line and "timed out" in line


@pytest.fixture
async def roles(postgres_url: str, folder: Path) -> list[str]:
    """Those of Parterre, with the passwords of ``folder``; the administrator's stays what it is."""
    connection = await asyncpg.connect(postgres_url)
    made = []
    for service in SERVICES:
        password = (folder / service.database_password).read_text().removesuffix("\n")
        quoted = await connection.fetchval("SELECT quote_literal($1)", password)
        name = service.database
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'DROP ROLE IF EXISTS "{name}"')
        await connection.execute(f'CREATE ROLE "{name}" LOGIN PASSWORD {quoted}')
        await connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
        made.append(name)
    await connection.close()
    administrator = postgres_url.partition("://postgres:")[2].partition("@")[0]
    (folder / "postgres_password").write_text(administrator)
    return made


async def in_thread(folder: Path) -> list[str]:
    """The check has an event loop of its own."""
    return await asyncio.to_thread(problems, folder)


async def test_postgresql_that_was_made_with_another_password_is_named(
    host: pytest.MonkeyPatch, folder: Path, roles: list[str], postgres_url: str
) -> None:
    host.setenv("DATABASE_PORT", postgres_url.rpartition(":")[2].partition("/")[0])
    assert await in_thread(folder) == []

    for name in ("postgres_password", "event_database_password"):
        spoil(folder, name, f"{NASTY}another")
    lines = await in_thread(folder)
    assert len(lines) == 3 and "are the same" in lines[0]
    assert (
        "secrets/postgres_password is not the password that PostgreSQL has for postgres" in lines[1]
    )
    assert "secrets/event_database_password is not the password" in lines[2]
    assert "--apply event_database_password" in lines[2]


async def test_a_database_that_is_missing_is_named(
    host: pytest.MonkeyPatch, folder: Path, roles: list[str], postgres_url: str
) -> None:
    host.setenv("DATABASE_PORT", postgres_url.rpartition(":")[2].partition("/")[0])
    connection = await asyncpg.connect(postgres_url)
    await connection.execute('DROP DATABASE "events" WITH (FORCE)')
    await connection.close()
    [line] = await in_thread(folder)
    assert "PostgreSQL has no database events" in line


def test_redis_that_was_started_with_another_password_is_named(
    host: pytest.MonkeyPatch, folder: Path, own_redis: OwnRedis
) -> None:
    port = own_redis.url.rpartition(":")[2].partition("/")[0]
    host.setenv("BROKER_PORT", port)
    (folder / "redis_password").write_text(f"{NASTY}\n")
    assert problems(folder) == []
    (folder / "redis_password").write_text(f"{NASTY}.\n")
    [line] = problems(folder)
    assert "secrets/redis_password is not the password of 127.0.0.1" in line
