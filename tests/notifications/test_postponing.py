"""Trouble that passes, and trouble that does not."""

from datetime import timedelta

import pytest

from service_kit.clock import utc_now
from tests.notifications.auth_server import AuthServerForTests, address_of
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message


async def test_a_permanent_refusal_fails_at_once_and_is_reported_once(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, sentry_errors: list[BaseException]
) -> None:
    message = make_message()
    address = address_of(message["user_id"])
    mail_server.answers("RCPT", f"550 5.1.1 {address} is unknown here")

    await mail_worker.receive(message)
    await mail_worker.change(message, next_attempt_at="now()")
    await mail_worker.receive(message)

    row = await mail_worker.row(message)
    assert (row.status, row.attempts) == ("failed", 1)
    assert row.last_error == "The mail server refused the mail for good (550 5.1.1)."
    assert address not in str(row.timeline)
    assert len(sentry_errors) == 1
    mail_server.is_well()
    other = make_message()
    await mail_worker.receive(other)
    assert (await mail_worker.row(other)).status == "sent"


@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", ["451 4.7.1 Later", "hang", "drop"])
async def test_a_passing_trouble_postpones_the_mail(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, at: str, answer: str
) -> None:
    message = make_message()
    mail_server.answers(at, answer)

    await mail_worker.receive(message)

    row = await mail_worker.row(message)
    assert row.status == "queued"
    assert row.last_error is not None
    assert row.next_attempt_at > utc_now() + timedelta(seconds=0.5)
    assert row.give_up_at is not None
    assert row.give_up_at > utc_now() + timedelta(hours=23)
    # Before its time it is not tried again, whoever asks.
    await mail_worker.deliver(message)
    assert (await mail_worker.row(message)).attempts == 1


async def test_it_is_sent_when_the_server_is_back(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    message = make_message()
    mail_server.stop()
    await mail_worker.receive(message)
    assert (await mail_worker.row(message)).last_error == "The mail server could not be reached."

    mail_server.start()
    mail_worker.context.mail_server._breaker.record_success()
    await mail_worker.change(message, next_attempt_at="now()")
    await mail_worker.work_off()

    row = await mail_worker.row(message)
    assert (row.status, row.attempts) == ("sent", 2)
    assert len(mail_worker.mails) == 1


async def test_an_outage_costs_one_mail_its_timeout_and_not_each(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    mail_server.answers("MAIL", "hang")

    for _ in range(3):
        await mail_worker.receive(make_message())

    assert mail_server.handler.asked["MAIL"] == 1


async def test_after_a_day_it_is_given_up(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, sentry_errors: list[BaseException]
) -> None:
    message = make_message()
    mail_server.answers("DATA", "451 Later")
    await mail_worker.receive(message)
    await mail_worker.change(message, next_attempt_at="now()", give_up_at="now()")

    await mail_worker.work_off()

    row = await mail_worker.row(message)
    assert row.status == "failed"
    assert row.last_error is not None
    assert row.last_error.startswith("Given up after 24 hours.")
    assert len(sentry_errors) == 1


async def test_accounts_away_postpone_the_mail(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    auth_server.accounts.is_away = True
    message = make_message()

    await mail_worker.receive(message)

    row = await mail_worker.row(message)
    assert row.status == "queued"
    assert row.last_error == "The accounts could not be asked for the address."
