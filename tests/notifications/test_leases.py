"""Workers that die, sleep or meet an erasure: a mail is one worker's at a time."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from notification_service.delivery import send
from notification_service.delivery.consumer import erase_user
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_erasure, make_message

# On a busy machine a mail server answers late, and what happens meanwhile takes long.
pytestmark = pytest.mark.parametrize("smtp_timeout_seconds", [10.0])
LAPSE = {"lease_until": "now() - interval '1 second'"}


async def test_a_worker_that_died_is_followed_by_another(mail_worker: WorkerForTests) -> None:
    message = make_message()
    await mail_worker.receive(message)
    # As if it had died between its two commits.
    await mail_worker.change(message, status="'sending'", sent_at="NULL", **LAPSE)

    assert await mail_worker.work_off() == 1

    row = await mail_worker.row(message)
    assert (row.status, row.crashes, row.attempts) == ("sent", 1, 2)
    assert "The sending process did not report back." in [s["note"] for s in row.timeline]


async def test_a_worker_that_lives_is_left_alone(mail_worker: WorkerForTests) -> None:
    message = make_message()
    await mail_worker.receive(message)
    alive = {"lease_until": "now() + interval '20 seconds'"}
    await mail_worker.change(message, status="'sending'", sent_at="NULL", **alive)

    assert await mail_worker.sweep() == []
    await mail_worker.receive(message)
    await mail_worker.deliver(message)

    assert len(mail_worker.mails) == 1


async def test_what_is_on_the_queue_is_not_put_there_again(mail_worker: WorkerForTests) -> None:
    message = make_message()
    await mail_worker.receive(message)
    await mail_worker.change(message, status="'queued'", sent_at="NULL")

    assert await mail_worker.sweep() == [UUID(message["id"])]
    assert await mail_worker.sweep() == []
    await mail_worker.change(message, **LAPSE)
    assert await mail_worker.sweep() == [UUID(message["id"])]


async def test_a_mail_that_kills_each_worker_is_given_up(
    mail_worker: WorkerForTests, sentry_errors: list[BaseException]
) -> None:
    message = make_message()
    await mail_worker.receive(message)
    for _ in range(5):
        await mail_worker.change(message, status="'sending'", sent_at="NULL", **LAPSE)
        assert await mail_worker.sweep() == [UUID(message["id"])]
    mails = len(mail_worker.mails)

    await mail_worker.deliver(message)

    row = await mail_worker.row(message)
    assert row.status == "failed"
    assert len(mail_worker.mails) == mails
    assert len(sentry_errors) == 1


async def test_erasure_drops_what_waits_and_forgets_the_rest(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    user_id = uuid4()
    sent, waiting = make_message(user_id=user_id), make_message("hold-expired", user_id=user_id)
    stranger = make_message()
    await mail_worker.receive(sent)
    await mail_worker.receive(stranger)
    mail_server.answers("DATA", "451 Later")
    await mail_worker.receive(waiting)

    await erase_user(mail_worker.context, make_erasure(user_id))

    rows = [await mail_worker.row(message) for message in (sent, waiting, stranger)]
    assert [row.status for row in rows] == ["sent", "dropped", "sent"]
    assert [bool(row.data) for row in rows] == [False, False, True]


async def test_a_mail_under_way_is_stopped_by_an_erasure(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    """The erasure comes when everything but the mail itself has been said."""
    message = make_message()
    erase = (
        "UPDATE notification SET status = 'dropped', fence = fence + 1, lease_until = NULL"
        f" WHERE user_id = '{message['user_id']}'"
    )
    mail_server.handler.on_rcpt = lambda: execute_elsewhere(mail_worker, erase)

    await mail_worker.receive(message)

    assert mail_worker.mails == []
    assert (await mail_worker.row(message)).status == "dropped"


async def test_a_mail_whose_lease_is_nearly_over_is_not_sent_and_due_again(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    message = make_message()
    lapse = "UPDATE notification SET lease_until = now() + interval '0.1 second'"
    mail_server.handler.on_rcpt = lambda: execute_elsewhere(mail_worker, lapse)

    await mail_worker.receive(message)

    assert mail_worker.mails == []
    row = await mail_worker.row(message)
    assert (row.status, row.attempts) == ("queued", 0)
    assert [step["status"] for step in row.timeline] == ["queued"]

    mail_server.handler.on_rcpt = None
    await mail_worker.deliver(message)
    assert len(mail_worker.mails) == 1


async def test_a_mail_whose_lease_has_passed_on_is_left_to_its_new_owner(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    message = make_message()
    passes_on = (
        "UPDATE notification SET fence = fence + 1, lease_until = now() + interval '20 seconds'"
    )
    mail_server.handler.on_rcpt = lambda: execute_elsewhere(mail_worker, passes_on)

    await mail_worker.receive(message)

    assert mail_worker.mails == []
    assert (await mail_worker.row(message)).status == "sending"


async def test_without_its_guard_it_would_be_sent(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the three above."""

    async def always(*_: object, **__: object) -> str:
        return "go"

    monkeypatch.setattr(send, "may_send", always)
    lapse = "UPDATE notification SET lease_until = now()"
    mail_server.handler.on_rcpt = lambda: execute_elsewhere(mail_worker, lapse)

    await mail_worker.receive(make_message())

    assert len(mail_worker.mails) == 1


def execute_elsewhere(mail_worker: WorkerForTests, statement: str) -> None:
    """In another thread, while the worker waits for the mail server."""
    url = mail_worker.context.settings.database_url.get_secret_value().replace("+asyncpg", "")

    async def execute() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute())
