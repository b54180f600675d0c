"""Workers that die, sleep or meet an erasure: a mail is one worker's at a time."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from notification_service.delivery import queries
from notification_service.delivery.reception import erase_user
from tests.notifications.conftest import OfficeForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_erasure, make_message

# Where the mail server takes its time: something else happens meanwhile, and that may take long on a
# busy machine.
patient = pytest.mark.parametrize("smtp_timeout_seconds", [10.0])
LAPSE = {"lease_until": "now() - interval '1 second'"}


async def test_a_worker_that_died_is_followed_by_another(office: OfficeForTests) -> None:
    message = make_message()
    await office.receive(message)
    # As if it had died between its two commits.
    await office.change(message, status="'sending'", sent_at="NULL", **LAPSE)

    assert await office.work_off() == 1

    row = await office.row(message)
    assert (row.status, row.crashes, row.attempts) == ("sent", 1, 2)
    assert "The sending process did not report back." in [s["note"] for s in row.timeline]


async def test_a_worker_that_lives_is_left_alone(office: OfficeForTests) -> None:
    message = make_message()
    await office.receive(message)
    alive = {"lease_until": "now() + interval '20 seconds'"}
    await office.change(message, status="'sending'", sent_at="NULL", **alive)

    assert await office.sweep() == []
    await office.receive(message)
    await office.deliver(message)

    assert len(office.mails) == 1


async def test_what_is_on_the_queue_is_not_put_there_again(office: OfficeForTests) -> None:
    message = make_message()
    await office.receive(message)
    await office.change(message, status="'queued'", sent_at="NULL")

    assert await office.sweep() == [UUID(message["id"])]
    assert await office.sweep() == []
    await office.change(message, **LAPSE)
    assert await office.sweep() == [UUID(message["id"])]


async def test_a_mail_that_kills_each_worker_is_given_up(
    office: OfficeForTests, told: list[BaseException]
) -> None:
    message = make_message()
    await office.receive(message)
    for _ in range(5):
        await office.change(message, status="'sending'", sent_at="NULL", **LAPSE)
        assert await office.sweep() == [UUID(message["id"])]
    mails = len(office.mails)

    await office.deliver(message)

    row = await office.row(message)
    assert row.status == "failed"
    assert len(office.mails) == mails
    assert len(told) == 1


async def test_erasure_drops_what_waits_and_forgets_the_rest(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    user_id = uuid4()
    sent, waiting = make_message(user_id=user_id), make_message("hold-expired", user_id=user_id)
    stranger = make_message()
    await office.receive(sent)
    await office.receive(stranger)
    mail_server.answers("DATA", "451 Later")
    await office.receive(waiting)

    await erase_user(office.office, make_erasure(user_id))

    rows = [await office.row(message) for message in (sent, waiting, stranger)]
    assert [row.status for row in rows] == ["sent", "dropped", "sent"]
    assert [bool(row.data) for row in rows] == [False, False, True]


@patient
async def test_a_mail_under_way_is_stopped_by_an_erasure(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    """The erasure comes when everything but the mail itself has been said."""
    message = make_message()
    erase = (
        "UPDATE notifications SET status = 'dropped', fence = fence + 1, lease_until = NULL"
        f" WHERE user_id = '{message['user_id']}'"
    )
    mail_server.handler.on_rcpt = lambda: execute_elsewhere(office, erase)

    await office.receive(message)

    assert office.mails == []
    assert (await office.row(message)).status == "dropped"


@patient
async def test_a_mail_whose_lease_passed_on_is_not_sent(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    message = make_message()
    lapse = "UPDATE notifications SET lease_until = now() + interval '0.1 second'"
    mail_server.handler.on_rcpt = lambda: execute_elsewhere(office, lapse)

    await office.receive(message)

    assert office.mails == []
    assert (await office.row(message)).status == "sending"


@patient
async def test_without_its_guard_it_would_be_sent(
    office: OfficeForTests, mail_server: MailServerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the two above."""

    async def always(*_: object, **__: object) -> str:
        return "go"

    monkeypatch.setattr(queries, "may_send", always)
    lapse = "UPDATE notifications SET lease_until = now()"
    mail_server.handler.on_rcpt = lambda: execute_elsewhere(office, lapse)

    await office.receive(make_message())

    assert len(office.mails) == 1


def execute_elsewhere(office: OfficeForTests, statement: str) -> None:
    """In another thread, while the office waits for the mail server."""
    url = office.office.settings.database_url.get_secret_value().replace("+asyncpg", "")

    async def execute() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute())
