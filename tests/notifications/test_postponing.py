"""Trouble that passes, and trouble that does not."""

from datetime import timedelta

import pytest

from service_kit.clock import utc_now
from tests.notifications.auth_server import AuthServerForTests, address_of
from tests.notifications.conftest import OfficeForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message


async def test_a_permanent_refusal_fails_at_once_and_is_told_once(
    office: OfficeForTests, mail_server: MailServerForTests, told: list[BaseException]
) -> None:
    message = make_message()
    address = address_of(message["user_id"])
    mail_server.answers("RCPT", f"550 5.1.1 {address} is unknown here")

    await office.receive(message)
    await office.change(message, next_attempt_at="now()")
    await office.receive(message)

    row = await office.row(message)
    assert (row.status, row.attempts) == ("failed", 1)
    assert row.last_error == "The mail server refused the mail for good (550 5.1.1)."
    assert address not in str(row.timeline)
    assert len(told) == 1
    mail_server.is_well()
    other = make_message()
    await office.receive(other)
    assert (await office.row(other)).status == "sent"


@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", ["451 4.7.1 Later", "hang", "drop"])
async def test_a_passing_trouble_postpones_the_mail(
    office: OfficeForTests, mail_server: MailServerForTests, at: str, answer: str
) -> None:
    message = make_message()
    mail_server.answers(at, answer)

    await office.receive(message)

    row = await office.row(message)
    assert row.status == "queued"
    assert row.last_error is not None
    assert row.next_attempt_at > utc_now() + timedelta(seconds=0.5)
    assert row.give_up_at is not None
    assert row.give_up_at > utc_now() + timedelta(hours=23)
    # Before its time it is not tried again, whoever asks.
    await office.deliver(message)
    assert (await office.row(message)).attempts == 1


async def test_it_is_sent_when_the_server_is_back(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    message = make_message()
    mail_server.stop()
    await office.receive(message)
    assert (await office.row(message)).last_error == "The mail server could not be reached."

    mail_server.start()
    office.office.mail_server._outage._until = 0.0
    await office.change(message, next_attempt_at="now()")
    await office.work_off()

    row = await office.row(message)
    assert (row.status, row.attempts) == ("sent", 2)
    assert len(office.mails) == 1


async def test_an_outage_costs_one_mail_its_timeout_and_not_each(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    mail_server.answers("MAIL", "hang")

    for _ in range(3):
        await office.receive(make_message())

    assert mail_server.handler.asked["MAIL"] == 1


async def test_after_a_day_it_is_given_up(
    office: OfficeForTests, mail_server: MailServerForTests, told: list[BaseException]
) -> None:
    message = make_message()
    mail_server.answers("DATA", "451 Later")
    await office.receive(message)
    await office.change(message, next_attempt_at="now()", give_up_at="now()")

    await office.work_off()

    row = await office.row(message)
    assert row.status == "failed"
    assert row.last_error is not None
    assert row.last_error.startswith("Given up after 24 hours.")
    assert len(told) == 1


async def test_accounts_away_postpone_the_mail(
    office: OfficeForTests, auth_server: AuthServerForTests
) -> None:
    auth_server.accounts.is_away = True
    message = make_message()

    await office.receive(message)

    row = await office.row(message)
    assert row.status == "queued"
    assert row.last_error == "The accounts could not be asked for the address."
