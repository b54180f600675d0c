"""One mail's way from the queue to the mail server."""

import re
import socket
from typing import Any

import pytest

from notification_service.delivery import prepare, record
from notification_service.kinds.registry import KINDS
from tests.notifications.auth_server import address_of
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"verify-email", "email-change-notice"}))
async def test_a_message_of_every_kind_becomes_a_mail(
    mail_worker: WorkerForTests, kind: str
) -> None:
    message = make_message(kind)

    await mail_worker.receive(message)

    [mail] = mail_worker.mails
    assert mail.recipients == [address_of(message["user_id"])]
    row = await mail_worker.row(message)
    assert (row.status, row.attempts, row.last_error) == ("sent", 1, None)
    assert [step["status"] for step in row.timeline] == ["queued", "sending", "sent"]


async def test_a_message_that_comes_again_makes_no_second_mail(mail_worker: WorkerForTests) -> None:
    message = make_message()

    for _ in range(3):
        await mail_worker.receive(message)

    assert len(mail_worker.mails) == 1


async def test_a_known_key_under_a_new_id_makes_no_second_mail(mail_worker: WorkerForTests) -> None:
    first = make_message(dedup_key="booking-confirmed:1")
    again = make_message(dedup_key="booking-confirmed:1")

    await mail_worker.receive(first)
    await mail_worker.receive(again)

    assert len(mail_worker.mails) == 1


async def test_the_message_id_is_of_the_key_and_not_of_the_attempt(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    message = make_message()
    mail_server.answers("DATA", "drop-after-taking", times=1)

    await mail_worker.receive(message)
    await mail_worker.change(message, next_attempt_at="now()")
    await mail_worker.work_off()

    first, copy = mail_worker.mails
    assert first.message_id == copy.message_id
    assert re.fullmatch(r"<[0-9a-f]{32}@parterre\.example>", first.message_id)


async def test_the_connection_is_kept(mail_worker: WorkerForTests) -> None:
    await mail_worker.receive(make_message())
    kept = mail_worker.context.mail_server._smtp
    await mail_worker.receive(make_message())

    assert mail_worker.context.mail_server._smtp is kept


async def test_a_connection_that_the_server_closed_is_replaced(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    await mail_worker.receive(make_message())
    mail_server.stop()
    mail_server.start()

    message = make_message()
    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == "sent"


@pytest.mark.parametrize(
    ("kind", "late"),
    [
        ("event-reminder", {"starts_at": "2020-01-01T10:00:00Z"}),
        ("event-changed", {"ends_at": "2020-01-01T10:00:00Z"}),
    ],
)
async def test_what_comes_too_late_is_dropped(
    mail_worker: WorkerForTests, kind: str, late: dict[str, str]
) -> None:
    message = make_message(kind)
    message["data"]["event"] |= late

    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == "dropped"


async def test_an_offer_that_has_ended_is_dropped(mail_worker: WorkerForTests) -> None:
    message = make_message("waitlist-offer", data={"expires_at": "2020-01-01T10:00:00Z"})

    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == "dropped"


async def test_a_mail_that_cannot_be_written_fails_and_blocks_nobody(
    mail_worker: WorkerForTests, sentry_errors: list[BaseException]
) -> None:
    """Year 9999 overflows in Auckland: a fault of ours, if an event ever gets there."""
    message = make_message()
    end = {"starts_at": "9999-12-31T23:00:00Z", "ends_at": "9999-12-31T23:30:00Z"}
    message["data"]["event"] |= end | {"timezone": "Pacific/Auckland"}
    other = make_message()

    await mail_worker.receive(message)
    await mail_worker.receive(other)

    row = await mail_worker.row(message)
    assert (row.status, row.last_error) == (
        "failed",
        "The mail could not be written; this is our fault.",
    )
    assert [type(error) for error in sentry_errors] == [OverflowError]
    assert (await mail_worker.row(other)).status == "sent"


async def test_a_database_that_is_away_meanwhile_fails_no_mail(
    mail_worker: WorkerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever prepares a mail asks it too; it says nothing of the mail."""
    message = make_message()
    with monkeypatch.context() as patch:
        patch.setattr(prepare, "_current_payload", nobody_knows_its_name)
        with pytest.raises(socket.gaierror):
            await mail_worker.receive(message)
    assert (await mail_worker.row(message)).status == "sending"


async def test_what_was_sent_while_the_database_was_away_is_sent_once(
    mail_worker: WorkerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_once, tries = record._record_once, []

    async def record_at_second_try(*arguments: Any) -> None:
        tries.append(arguments)
        if len(tries) == 1:
            await nobody_knows_its_name()
        await record_once(*arguments)

    monkeypatch.setattr(record, "_record_once", record_at_second_try)
    message = make_message()
    await mail_worker.receive(message)
    assert (len(tries), len(mail_worker.mails)) == (2, 1)
    assert (await mail_worker.row(message)).status == "sent"


async def nobody_knows_its_name(*_: Any) -> None:
    """As that of a container that has stopped."""
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
