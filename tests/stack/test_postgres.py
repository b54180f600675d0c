"""The embedded PostgreSQL: what search needs of it, and data folders of other builds."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from stack.errors import StackError
from stack.ports import free_port
from stack.postgres import Postgres
from stack.processes import Process
from tests.system.prometheus import MONITORING_PASSWORD, make_monitoring_role

PASSWORD = "of-a-test"
# What PostgreSQL's administrator may do.
FORBIDDEN = (
    "CREATE DATABASE another",
    "ALTER ROLE events PASSWORD 'another'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
    "SET ROLE postgres",
    "CREATE TABLE another (x int)",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("with spaces ") / "a b"


@contextmanager
def server(folder: Path) -> Iterator[Postgres]:
    folder.mkdir(parents=True, exist_ok=True)
    postgres = Postgres(folder / "data", port=free_port(), password=PASSWORD, durable=False)
    postgres.initialise()
    process = Process(postgres.program(), run_dir=folder, log_dir=folder, cwd=folder)
    process.start()
    try:
        process.wait_until_ready()
        yield postgres
    finally:
        process.stop()


async def test_a_services_own_role_makes_what_search_needs_in_a_folder_with_spaces(
    folder: Path,
) -> None:
    with server(folder) as postgres:
        await postgres.create_databases({"events": PASSWORD})
        url = postgres.url("events", role="events", password=PASSWORD)
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("CREATE EXTENSION pg_trgm; CREATE EXTENSION unaccent")
            row = await connection.fetchrow(
                "SELECT unaccent('Щёлк soirée') AS plain, similarity('щелк', 'щёлк') AS near,"
                " pg_encoding_to_char(encoding) AS encoding FROM pg_database WHERE datname = 'events'"
            )
        finally:
            await connection.close()
    assert row["plain"] == "Щелк soiree"
    assert row["near"] > 0.2, "letters that are not ASCII count as letters"
    assert row["encoding"] == "UTF8"


async def test_the_role_of_monitoring_reads_statistics_and_nothing_else(tmp_path: Path) -> None:
    """It is made each time that the exporter starts, with the password of then."""
    with server(tmp_path / "server") as postgres:
        await postgres.create_databases({"events": PASSWORD})
        for password in ("the-first", MONITORING_PASSWORD):
            make_monitoring_role(postgres.port, PASSWORD, tmp_path, password)
        role = {"role": "monitoring", "password": MONITORING_PASSWORD}
        connection = await asyncpg.connect(postgres.url(**role))
        try:
            found = await connection.fetchval(
                "SELECT sum(pg_database_size(datname)) FROM pg_stat_database WHERE datname = 'events'"
            )
            assert found > 0
            for statement in FORBIDDEN:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        finally:
            await connection.close()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(postgres.url("events", **role))
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(postgres.url(role="monitoring", password="the-first"))


async def test_data_is_there_after_another_start(folder: Path) -> None:
    with server(folder) as postgres:
        connection = await asyncpg.connect(postgres.url())
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        await connection.execute("INSERT INTO kept VALUES ('Щёлк')")
        await connection.close()
    with server(folder) as postgres:
        connection = await asyncpg.connect(postgres.url())
        assert await connection.fetchval("SELECT word FROM kept") == "Щёлк"
        await connection.close()


@pytest.mark.parametrize("what", ["major", "build"])
def test_data_of_another_major_or_build_is_refused_in_one_line_and_kept(
    tmp_path: Path, what: str
) -> None:
    data = tmp_path / "data"
    postgres = Postgres(data, port=free_port(), password=PASSWORD, durable=False)
    postgres.initialise()
    if what == "major":
        (data / "PG_VERSION").write_text("17\n")
    else:
        # The control file: 8 bytes that identify the system, then its own version.
        control = data / "global" / "pg_control"
        control.write_bytes(control.read_bytes()[:8] + struct.pack("I", 1300) + bytes(8000))

    with pytest.raises(StackError, match="--fresh") as raised:
        postgres.initialise()

    assert "\n" not in str(raised.value)
    assert (data / "PG_VERSION").exists()
