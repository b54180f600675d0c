"""To whom a mail goes, and to whom it does not."""

from email.message import EmailMessage

import pytest

from tests.notifications.auth_server import AuthServerForTests, address_of
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message


def plain_text(message: EmailMessage) -> str:
    """The text part as a person reads it, whatever encoding it travelled in."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_who_is_gone_gets_no_mail_and_is_forgotten(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message()
    auth_server.accounts.special[message["user_id"]] = None

    await mail_worker.receive(message)

    row = await mail_worker.row(message)
    assert (row.status, row.data) == ("dropped", {})
    assert mail_worker.mails == []


async def test_a_closed_account_gets_no_mail(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message()
    auth_server.accounts.special[message["user_id"]] = {"is_active": False}

    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == "dropped"


async def test_an_address_that_is_none_fails(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests, sentry_errors: list[BaseException]
) -> None:
    message = make_message()
    auth_server.accounts.special[message["user_id"]] = {"email": "nobody"}

    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == "failed"
    assert len(sentry_errors) == 1


async def test_a_new_address_is_verified_where_it_is(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message("verify-email", data={"address": "pending"})
    auth_server.accounts.special[message["user_id"]] = {"pending_email": "new@guests.example"}

    await mail_worker.receive(message)

    [mail] = mail_worker.mails
    assert mail.recipients == ["new@guests.example"]
    assert "https://parterre.example/verify#verify-email-1" in plain_text(mail.message)


@pytest.mark.parametrize("data", [{}, {"address": "pending"}])
async def test_nobody_is_asked_to_verify_what_is_verified(
    mail_worker: WorkerForTests, data: dict[str, str]
) -> None:
    message = make_message("verify-email", data=data)

    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == "dropped"


async def test_a_link_is_minted_for_each_attempt_and_kept_nowhere(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests, mail_server: MailServerForTests
) -> None:
    message = make_message("reset-password")
    mail_server.answers("DATA", "451 Later", times=1)

    await mail_worker.receive(message)
    await mail_worker.change(message, next_attempt_at="now()")
    await mail_worker.work_off()

    [mail] = mail_worker.mails
    assert "/reset#reset-password-2" in plain_text(mail.message)
    row = await mail_worker.row(message)
    assert "token" not in f"{row.data}{row.timeline}{row.last_error}"


@pytest.mark.parametrize(("pending", "status"), [("new@guests.example", "sent"), (None, "dropped")])
async def test_the_current_address_gets_the_notice_of_a_change_while_it_is_current(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests, pending: str | None, status: str
) -> None:
    message = make_message("email-change-notice")
    auth_server.accounts.special[message["user_id"]] = {"pending_email": pending}

    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == status
    sentry_errors = [address for mail in mail_worker.mails for address in mail.recipients]
    assert sentry_errors == ([address_of(message["user_id"])] if status == "sent" else [])


async def test_an_address_that_changes_meanwhile_is_asked_for_again(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message("reset-password")
    auth_server.accounts.link_problems.append("address-changed")

    await mail_worker.receive(message)
    waiting = (await mail_worker.row(message)).status
    await mail_worker.change(message, next_attempt_at="now()")
    await mail_worker.work_off()

    assert (waiting, (await mail_worker.row(message)).status) == ("queued", "sent")


async def test_a_link_that_is_not_needed_drops_the_mail(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message("reset-password")
    auth_server.accounts.link_problems.append("link-not-needed")

    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == "dropped"


@pytest.mark.parametrize("kind", ["booking-confirmed", "reset-password"])
async def test_a_404_of_another_server_is_no_erased_account(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests, kind: str
) -> None:
    message = make_message(kind)
    auth_server.accounts.is_something_else = True

    await mail_worker.receive(message)

    row = await mail_worker.row(message)
    assert (row.status, row.data) == ("queued", message["data"])
