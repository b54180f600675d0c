"""The doctor of auth-service finds each fault that is staged, and mends what it may."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from auth_service.doctor.checks import make_checks
from auth_service.migrate import create_key_and_clients
from auth_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.doctor import Report, examine
from tests.auth.conftest import MakeSettings
from tests.auth.people import People, UserFactory
from tests.auth.processes import run
from tests.conftest import copy_database


@pytest.fixture(scope="module")
async def own_settings(auth_settings: MakeSettings, postgres_url: str, worker: str) -> Settings:
    """With a database of its own, in which nothing else is wrong: one account with a session."""
    url = await copy_database(postgres_url, "auth", f"auth_doctor_{worker}")
    settings = auth_settings(database_url=url)
    await create_key_and_clients(settings)
    return settings


@pytest.fixture
async def own(own_settings: Settings) -> AsyncIterator[Database]:
    database = Database(own_settings, application_name="tests")
    async with database.transaction() as session:
        await session.execute(text("TRUNCATE account, user_session, outbox CASCADE"))
        session.add(UserFactory())  # type: ignore[no-untyped-call]
    await change(
        database,
        "INSERT INTO user_session (id, user_id, kind, created_at, last_used_at, expires_at, idle_at,"
        " address, user_agent) SELECT gen_random_uuid(), id, 'token', now(), now(),"
        " now() + interval '1 day', now() + interval '1 day', '', '' FROM account",
    )
    yield database
    await database.close()


async def change(database: Database, statement: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement))


async def look(
    database: Database, settings: Settings, *, is_repair: bool = False
) -> tuple[Report, list[str]]:
    lines: list[str] = []
    report = await examine(database, make_checks(settings), is_repair=is_repair, say=lines.append)
    return report, lines


@dataclass
class Fault:
    finding: str
    statement: str
    undo: str = ""


AUDIT = "INSERT INTO audit_event (id, occurred_at, action, user_id, address, user_agent, details)"
OUTBOX = "INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts)"
FAULTS = {
    "signer": Fault(
        "tokens cannot be signed",
        "CREATE TABLE kept AS SELECT * FROM signing_key; DELETE FROM signing_key",
        "INSERT INTO signing_key SELECT * FROM kept; DROP TABLE kept",
    ),
    "erasure": Fault(
        "services that have not confirmed",
        "INSERT INTO erasure VALUES (gen_random_uuid(), 'event-service',"
        " now() - interval '2 hours', now())",
        "DELETE FROM erasure",
    ),
    "traces": Fault(
        "audit events of erased accounts",
        f"{AUDIT} VALUES (gen_random_uuid(), now(), 'x', gen_random_uuid(), '192.0.2.1', '', '{{}}')",
    ),
    "spelling": Fault(
        "accounts that are found by one spelling",
        "UPDATE account SET email_ascii = NULL, updated_at = now() - interval '1 hour'",
    ),
    "requests": Fault(
        "requested mails that are not written",
        "INSERT INTO mail_request (email, kind, requested_at, visitor)"
        " VALUES ('x@example.com', 'verify-email', now() - interval '1 hour', '{}')",
        "DELETE FROM mail_request",
    ),
    "outbox": Fault(
        "messages that are not confirmed",
        f"{OUTBOX} VALUES (gen_random_uuid(), '', '', '{{}}', now() - interval '1 hour', now(), 0)",
        "DELETE FROM outbox",
    ),
    "sessions": Fault(
        "ended sessions",
        "UPDATE user_session SET revoked_at = now() - interval '9 days'",
    ),
    "attempts": Fault(
        "counts of attempts",
        "INSERT INTO attempt_count VALUES ('\\x00', 1, now() - interval '2 days')",
    ),
    "audit": Fault(
        "audit events that should",
        f"{AUDIT} VALUES (gen_random_uuid(), now() - interval '400 days', 'x', NULL, '', '', '{{}}')",
    ),
    "index": Fault(
        "indexes that are not valid",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_erasure_due'::regclass",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_each_staged_fault_is_found_and_mended_where_that_is_safe(
    own: Database, own_settings: Settings, name: str
) -> None:
    fault = FAULTS[name]
    assert await look(own, own_settings) == (Report(len(make_checks(own_settings))), [])
    for statement in fault.statement.split("; "):
        await change(own, statement)
    report, lines = await look(own, own_settings)
    assert report.findings == report.left == len(lines) == 1, lines
    assert lines[0].startswith(fault.finding)
    report, lines = await look(own, own_settings, is_repair=True)
    assert (report.findings, report.left) == (1, bool(fault.undo)), lines
    for statement in filter(None, fault.undo.split("; ")):
        await change(own, statement)
    report, lines = await look(own, own_settings)
    assert not report.findings, lines


async def test_keys_of_another_secret_are_found(own: Database, own_settings: Settings) -> None:
    """As after a restore on a host with other secrets."""
    other = own_settings.model_copy(update={"secret_key": SecretStr("another" * 8)})
    _, [line] = await look(own, other)
    assert line.startswith("signing keys that SECRET_KEY does not open: 1 (")


async def test_people_at_work_leave_nothing_that_it_finds(
    people: People, auth_settings: MakeSettings
) -> None:
    """Tests beside this one may have aged something: only what this person has done is looked at."""
    person = await people.sign_in()
    await people.try_password(person.email, "not the password")
    erased = await people.client.request(
        "DELETE",
        "/api/v1/users/me",
        json={"current_password": person.password},
        headers=person.headers,
    )
    assert erased.status_code == 204, erased.text
    _, lines = await look(people.database, auth_settings())
    ids = {str(event.id) for event in await people.audit(person)}
    assert not [line for line in lines if any(one in line for one in ids)]


async def test_the_command_says_in_a_line_whether_something_is_left(
    own: Database, own_settings: Settings
) -> None:
    def doctor(*arguments: str) -> tuple[int, str, str]:
        done = run(own_settings, "auth_service.doctor", *arguments)
        return done.returncode, done.stdout, done.stderr

    code, output, errors = await asyncio.to_thread(doctor)
    assert (code, errors) == (0, "") and output.endswith("checks, nothing found\n")
    await change(own, FAULTS["sessions"].statement)
    code, output, errors = await asyncio.to_thread(doctor)
    assert code == 1 and "ended sessions" in output
    assert errors.endswith("1 with findings: 0 mended, 1 left\n")
    code, output, errors = await asyncio.to_thread(doctor, "--repair")
    assert (code, errors) == (0, "") and output.endswith("1 with findings: 1 mended, 0 left\n")
