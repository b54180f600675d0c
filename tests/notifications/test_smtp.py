"""What is said to mail servers, one command at a time or several at once (RFC 2920)."""

import email
from collections.abc import Iterator
from contextlib import suppress
from email.headerregistry import Address
from email.policy import SMTP, default

import pytest

from notification_service.delivery.smtp import (
    MailDeferred,
    MailRefused,
    MailServer,
    MailServerAway,
)
from notification_service.rendering.mail import _folded
from tests.notifications.mail_server import MailServerForTests

MAIL = b"Subject: One\r\n\r\nText\r\n"


@pytest.fixture(params=[False, True], ids=["one by one", "at once"])
def connection(
    mail_server: MailServerForTests, request: pytest.FixtureRequest
) -> Iterator[MailServer]:
    if request.param:
        mail_server.handler.extensions.append("250-PIPELINING")
    connection = MailServer(mail_server.url, sender="tickets@parterre.example", timeout_seconds=2)
    yield connection
    connection.close()


def send(connection: MailServer, recipient: str) -> None:
    connection.begin(recipient)
    connection.finish(MAIL)


def test_mails_go_to_whom_they_are_for(
    connection: MailServer, mail_server: MailServerForTests
) -> None:
    for name in ("ada", "grace"):
        send(connection, f"{name}@guests.example")
    assert [taken.recipients for taken in mail_server.taken] == [
        ["ada@guests.example"],
        ["grace@guests.example"],
    ]


@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
@pytest.mark.parametrize(
    ("answer", "error"), [("550 5.1.1 Nobody", MailRefused), ("451 4.7.1 Later", MailDeferred)]
)
def test_after_a_refusal_the_next_mail_hears_its_own_answers(
    connection: MailServer,
    mail_server: MailServerForTests,
    at: str,
    answer: str,
    error: type[Exception],
) -> None:
    mail_server.answers(at, answer, times=1)
    with pytest.raises(error) as refused:
        connection.begin("nobody@guests.example")
    assert answer.rpartition(" ")[0] in str(getattr(refused.value, "reason", ""))
    # Of the refused one nothing is left, in neither direction.
    mail_server.answers("RCPT", "550 5.1.1 Nobody", times=1)
    with pytest.raises(MailRefused):
        connection.begin("nobody@guests.example")
    send(connection, "ada@guests.example")
    assert [taken.recipients for taken in mail_server.taken] == [["ada@guests.example"]]


@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
@pytest.mark.parametrize("answer", ["421 4.3.2 Closing", "drop"])
def test_a_server_that_goes_in_the_midst_is_away(
    connection: MailServer, mail_server: MailServerForTests, at: str, answer: str
) -> None:
    mail_server.answers(at, answer, times=1)
    with pytest.raises(MailServerAway):
        connection.begin("ada@guests.example")


def test_no_command_can_be_put_into_an_address(
    connection: MailServer, mail_server: MailServerForTests
) -> None:
    with suppress(ValueError, MailRefused):
        send(connection, "ada@guests.example>\r\nRCPT TO:<evil@guests.example")
    assert mail_server.handler.asked["RCPT"] <= 1
    assert "evil@guests.example" not in [one for t in mail_server.taken for one in t.recipients]


@pytest.mark.parametrize(
    "name",
    ["", "Ada", 'Ada "the first", Countess', "=?utf-8?q?Eve?=", "Ада", "A" * 200],
)
def test_a_recipient_reads_as_the_library_would_write_it(name: str) -> None:
    value = str(Address(name, "ada", "guests.example"))
    written = _folded("To", value).decode()
    as_library = str(SMTP.header_factory("To", value).fold(policy=SMTP))
    assert email.message_from_string(written, policy=default)["To"].addresses == (
        email.message_from_string(as_library, policy=default)["To"].addresses
    )
    assert written.count("\r\n") == as_library.count("\r\n")
