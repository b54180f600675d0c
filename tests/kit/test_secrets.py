"""Any character may stand in a secret: real servers with such passwords, and each client that signs in."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
import redis
from flower.utils.broker import Broker
from kombu import Connection
from pydantic import SecretStr, ValidationError
from sqlalchemy import text

from auth_service.settings import Settings as AuthSettings
from notification_service.settings import WorkerSettings
from service_kit.database.engine import Database
from service_kit.messaging.broker import TRANSPORT
from service_kit.messaging.celery_app import create_celery
from service_kit.messaging.queue_length import QueueLength
from service_kit.redis_clients import AcceleratorRedis, blocking_client
from service_kit.settings import ServiceSettings, load_settings
from stack.ports import free_port
from tests.processes import OneProcess, OwnRedis

ROOT = Path(__file__).resolve().parents[2]
NASTY = "/+@:%#?& \"'$\\ {}[]<>|;,=~`!^*() %2F ${HOME} äß "
ROLE = "somebody"
WRONG = "another-password-of-24-ch"


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    """Its password is ``NASTY``."""
    folder = tmp_path / "redis"
    folder.mkdir()
    own = OwnRedis(folder)
    own.start()
    try:
        while not own.is_ready:
            assert own.process.is_running
        with redis.Redis.from_url(own.url) as client:
            client.config_set("requirepass", NASTY)
        yield own
    finally:
        own.process.kill()


@pytest.fixture
async def own_database(postgres_url: str) -> AsyncIterator[str]:
    """The name of a database whose owner's password is ``NASTY``."""
    name = "nasty"
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"DROP ROLE IF EXISTS {ROLE}")
    quoted = await connection.fetchval("SELECT quote_literal($1)", NASTY)
    await connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD {quoted}")
    await connection.execute(f"CREATE DATABASE {name} OWNER {ROLE}")
    yield name
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.execute(f"DROP ROLE {ROLE}")
    await connection.close()


@pytest.fixture
def environment(
    tmp_path: Path, own_redis: OwnRedis, own_database: str, postgres_url: str
) -> dict[str, str]:
    """What Compose gives to auth-service, with secrets as files."""
    return {
        "ENVIRONMENT": "production",
        "DATABASE_HOST": "127.0.0.1",
        "DATABASE_PORT": postgres_url.rpartition(":")[2].partition("/")[0],
        "DATABASE_NAME": own_database,
        "DATABASE_USER": ROLE,
        "DATABASE_PASSWORD_FILE": secret_file(tmp_path, "database"),
        "BROKER_HOST": "127.0.0.1",
        "BROKER_PORT": own_redis.url.rpartition(":")[2].partition("/")[0],
        "CACHE_HOST": "127.0.0.1",
        "CACHE_PORT": own_redis.url.rpartition(":")[2].partition("/")[0],
        "REDIS_PASSWORD_FILE": secret_file(tmp_path, "redis"),
        "SECRET_KEY_FILE": secret_file(tmp_path, "secret", NASTY + "1"),
        "VERIFICATION_TOKEN_SECRET_FILE": secret_file(tmp_path, "verification", NASTY + "2"),
        "RESET_PASSWORD_TOKEN_SECRET_FILE": secret_file(tmp_path, "reset", NASTY + "3"),
        "EVENT_SERVICE_CLIENT_SECRET_FILE": secret_file(tmp_path, "event", NASTY + "4"),
        "NOTIFICATION_SERVICE_CLIENT_SECRET_FILE": secret_file(
            tmp_path, "notification", NASTY + "5"
        ),
    }


@pytest.fixture
def settings(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AuthSettings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings(AuthSettings)


def secret_file(folder: Path, name: str, content: str = NASTY) -> str:
    """As an editor leaves it, with a line break at its end."""
    file = folder / f"{name}.secret"
    file.write_text(f"{content}\n")
    return str(file)


async def test_postgresql_takes_any_character_in_a_password(settings: AuthSettings) -> None:
    database = Database(settings, application_name="test")
    async with database.transaction() as session:
        assert (await session.execute(text("SELECT current_user"))).scalar() == ROLE
    await database.close()

    other = settings.model_copy(update={"database_url": replaced(settings.database_url)})
    database = Database(other, application_name="test")
    with pytest.raises(asyncpg.InvalidPasswordError):
        async with database.engine.connect():
            pass
    await database.close()


def replaced(url: SecretStr) -> SecretStr:
    """The same address with another password, as the negative control."""
    before, _, after = url.get_secret_value().rpartition("@")
    return SecretStr(f"{before.rpartition(':')[0]}:{WRONG}@{after}")


async def test_alembic_takes_any_character_in_a_password(
    environment: dict[str, str], tmp_path: Path
) -> None:
    paths = ":".join(str(ROOT / name) for name in ("service-kit", "auth-service"))
    command = [sys.executable, "-m", "auth_service.migrate"]
    process = OneProcess(command, {**environment, "PYTHONPATH": paths}, tmp_path / "migrate.log")
    code = await asyncio.to_thread(process._popen.wait, 60)
    assert code == 0, (tmp_path / "migrate.log").read_text()


async def test_each_client_of_redis_takes_any_character_in_a_password(
    settings: AuthSettings,
) -> None:
    cache = AcceleratorRedis(settings.cache_redis_url.get_secret_value())
    assert await cache.client.ping()
    await cache.close()
    with blocking_client(settings.cache_redis_url.get_secret_value()) as client:
        assert client.ping()
    queue = QueueLength(settings)
    assert await queue() == 0
    await queue.close()
    broker = settings.broker_url.get_secret_value()
    with Connection(broker, transport=TRANSPORT) as connection:
        connection.ensure_connection(max_retries=1)
    app = create_celery("test", settings)
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1)
    flower = Broker(broker, broker_options={})
    assert [queue["name"] for queue in await flower.queues(["notifications"])] == ["notifications"]
    await flower.redis.aclose()

    with (
        pytest.raises(redis.AuthenticationError),
        blocking_client(replaced(settings.broker_url).get_secret_value()) as client,
    ):
        client.ping()


async def test_flowers_sign_in_takes_any_character(
    environment: dict[str, str], tmp_path: Path
) -> None:
    port, password = free_port(), NASTY.replace("äß", "ae")
    paths = ":".join(str(ROOT / name) for name in ("service-kit", "notification-service"))
    environment |= {
        "PYTHONPATH": paths,
        "SMTP_HOST": "127.0.0.1",
        "MAIL_FROM": "tickets@parterre.example",
        "FLOWER_PASSWORD_FILE": secret_file(tmp_path, "flower", password),
    }
    command = [sys.executable, "-m", "notification_service.flower"]
    command += ["--address=127.0.0.1", f"--port={port}"]
    process = OneProcess(command, environment, tmp_path / "flower.log")
    url = f"http://127.0.0.1:{port}/"
    try:
        async with httpx.AsyncClient() as client:
            assert await answer(client, process, url, password) == 200
            for wrong in (password.strip(), password.partition(",")[0], ""):
                assert await answer(client, process, url, wrong) == 401
        started = psutil.Process(process._popen.pid)
        shown = "\0".join([*started.cmdline(), *started.environ().values()])
        assert password.strip() not in shown
        assert "flower.secret" in shown
        assert not process.says(password.strip())
    finally:
        process.kill()


async def answer(client: httpx.AsyncClient, process: OneProcess, url: str, password: str) -> int:
    async with asyncio.timeout(30):
        while True:
            try:
                auth = httpx.BasicAuth("ops", password)
                return (await client.get(url, auth=auth, follow_redirects=True)).status_code
            except httpx.TransportError:
                assert process.is_running, process.log.read_text()
                await asyncio.sleep(0.1)


def base(**changes: str) -> dict[str, str]:
    """Environment of production with a server for everything, by parts."""
    return {
        "ENVIRONMENT": "production",
        "DATABASE_HOST": "postgres",
        "DATABASE_NAME": "events",
        "DATABASE_USER": "events",
        "DATABASE_PASSWORD": NASTY,
        "BROKER_HOST": "redis-broker",
        "CACHE_HOST": "redis-cache",
        "REDIS_PASSWORD": NASTY,
        "SMTP_HOST": "mail.example.com",
        "MAIL_FROM": "tickets@parterre.example",
        **changes,
    }


def load(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> WorkerSettings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings(WorkerSettings)


@pytest.mark.parametrize(
    ("parts", "url"),
    [
        ({}, "smtp+starttls://mail.example.com:587"),
        ({"SMTP_PORT": "", "SMTP_SECURITY": ""}, "smtp+starttls://mail.example.com:587"),
        ({"SMTP_SECURITY": "tls"}, "smtps://mail.example.com:465"),
        ({"SMTP_SECURITY": "none"}, "smtp://mail.example.com:25"),
        ({"SMTP_PORT": "2525"}, "smtp+starttls://mail.example.com:2525"),
        (
            {"SMTP_USER": "tickets@example.com", "SMTP_PASSWORD": "p/@ :%2F"},
            "smtp+starttls://tickets%40example.com:p%2F%40%20%3A%252F@mail.example.com:587",
        ),
        ({"SMTP_HOST": "::1"}, "smtp+starttls://[::1]:587"),
        ({"SMTP_URL": "smtp://whole:p@one.example.com"}, "smtp://whole:p@one.example.com"),
        ({"SMTP_URL": ""}, "smtp+starttls://mail.example.com:587"),
    ],
)
def test_the_mail_server_is_given_in_parts_or_whole(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, str], url: str
) -> None:
    assert load(monkeypatch, base(**parts)).smtp_url.get_secret_value() == url


def test_whole_addresses_win_over_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = {
        "DATABASE_URL": "postgresql+asyncpg://one@other/base",
        "BROKER_URL": "redis://other/1",
        "CACHE_REDIS_URL": "redis://other/2",
    }
    settings = load(monkeypatch, base(**urls))
    assert settings.database_url.get_secret_value() == urls["DATABASE_URL"]
    assert settings.broker_url.get_secret_value() == urls["BROKER_URL"]
    assert settings.cache_redis_url.get_secret_value() == urls["CACHE_REDIS_URL"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"DATABASE_USER": ""}, "DATABASE_URL: is not set, nor all of DATABASE_HOST"),
        ({"BROKER_HOST": ""}, "BROKER_URL: is not set, nor BROKER_HOST"),
        ({"CACHE_HOST": ""}, "CACHE_REDIS_URL: is not set, nor CACHE_HOST"),
        ({"SMTP_HOST": ""}, "SMTP_URL: is not set, nor SMTP_HOST"),
        ({"DATABASE_PORT": "many"}, "DATABASE_PORT: Input should be a valid integer"),
        ({"BROKER_PORT": "70000"}, "BROKER_PORT: Input should be less than or equal to 65535"),
        ({"SMTP_SECURITY": "ssl"}, "SMTP_SECURITY: Input should be 'starttls', 'tls' or 'none'"),
        ({"DATABASE_PASSWORD": ""}, "DATABASE_URL: the password in it is empty"),
        ({"REDIS_PASSWORD": ""}, "BROKER_URL: the password in it is empty"),
        ({"DATABASE_PASSWORD": "short"}, "DATABASE_PASSWORD is shorter than 16 characters"),
        ({"REDIS_PASSWORD": "Change-me-please-now"}, "REDIS_PASSWORD is one that everybody knows"),
        ({"REDIS_PASSWORD": f"{NASTY}\r"}, "REDIS_PASSWORD contains a line break"),
        ({"SMTP_USER": "tickets"}, "SMTP_URL: the password in it is empty"),
        ({"SMTP_USER": "t", "SMTP_PASSWORD": "changeme1"}, "SMTP_PASSWORD is a placeholder"),
        ({"DATABASE_PASSWORD_FILE": "/not/there"}, "cannot be read: /not/there (No such file"),
    ],
)
def test_each_thing_that_is_wrong_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    line: str,
) -> None:
    with pytest.raises(SystemExit):
        load(monkeypatch, base(**changes))
    said = capsys.readouterr().err
    assert line in said
    assert NASTY not in said and "please" not in said


def test_all_weak_secrets_are_said_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weak = base(DATABASE_PASSWORD="short", REDIS_PASSWORD="development")
    for name, value in (weak | {"SECRET_KEY": "short"}).items():
        monkeypatch.setenv(name, value)
    for name in ("VERIFICATION_TOKEN_SECRET", "RESET_PASSWORD_TOKEN_SECRET"):
        monkeypatch.setenv(name, NASTY)
    with pytest.raises(SystemExit):
        load_settings(AuthSettings)
    lines = capsys.readouterr().err.splitlines()
    names = ("DATABASE_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY")
    assert all(any(line.startswith(f"{name} ") for line in lines) for name in names)


def test_only_one_line_break_at_the_end_of_a_file_is_no_part_of_the_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(f" {NASTY} \n\n")
    monkeypatch.setenv("SERVICE_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    environment = base() | {"ENVIRONMENT": "development"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ServiceSettings().service_client_secret.get_secret_value() == f" {NASTY} \n"
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(ValidationError, match="SERVICE_CLIENT_SECRET contains a line break"):
        ServiceSettings()


def test_a_folder_gives_settings_by_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in (base() | {"LOG_LEVEL": "ERROR", "DRAIN_SECONDS": "1"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.setenv("SETTINGS_FOLDER", str(tmp_path / "not-there"))
    assert ServiceSettings().drain_seconds == 1
    monkeypatch.setenv("SETTINGS_FOLDER", str(tmp_path))
    (tmp_path / "DRAIN_SECONDS").write_text("7\n")
    (tmp_path / "README.md").write_text("not a setting")
    assert (ServiceSettings().drain_seconds, ServiceSettings().log_level) == (7, "ERROR")
    # What a variable names comes first.
    (tmp_path / "other").write_text("9")
    monkeypatch.setenv("DRAIN_SECONDS_FILE", str(tmp_path / "other"))
    assert ServiceSettings().drain_seconds == 9
