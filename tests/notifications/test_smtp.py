"""What is said to mail servers, one command at a time or several at once (RFC 2920)."""

import email
from collections.abc import Iterator
from contextlib import suppress
from email.policy import default

import pytest

from notification_service.delivery.smtp import (
    DeliveryUnconfirmed,
    MailDeferred,
    MailRefused,
    MailServer,
    MailServerAway,
)
from notification_service.rendering.headers import address_header
from tests.notifications.mail_server import MailServerForTests

MAIL = b"Subject: One\r\n\r\nText\r\n"
ADA, GRACE, EVE = (f"{name}@guests.example" for name in ("ada", "grace", "eve"))


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


def named(mail_server: MailServerForTests) -> list[list[str]]:
    return [taken.recipients for taken in mail_server.taken]


def test_mails_go_to_whom_they_are_for(
    connection: MailServer, mail_server: MailServerForTests
) -> None:
    for recipient in (ADA, GRACE):
        send(connection, recipient)
    assert named(mail_server) == [[ADA], [GRACE]]


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


def test_the_next_recipient_is_named_with_the_end_of_a_mail(
    connection: MailServer, mail_server: MailServerForTests
) -> None:
    connection.begin(ADA)
    connection.finish(MAIL, then=GRACE)
    connection.begin(GRACE)
    connection.finish(MAIL)
    assert named(mail_server) == [[ADA], [GRACE]]
    assert mail_server.handler.asked["RCPT"] == 2


def test_somebody_else_may_come_next(
    connection: MailServer, mail_server: MailServerForTests
) -> None:
    connection.begin(ADA)
    connection.finish(MAIL, then=EVE)
    send(connection, GRACE)
    assert named(mail_server) == [[ADA], [GRACE]]


@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [("550 5.1.1 Nobody", MailRefused), ("451 4.7.1 Later", MailDeferred), ("drop", None)],
)
def test_what_is_said_of_the_next_is_not_said_of_the_mail_before(
    connection: MailServer,
    mail_server: MailServerForTests,
    at: str,
    answer: str,
    error: type[Exception] | None,
) -> None:
    connection.begin(ADA)
    mail_server.answers(at, answer, times=1)
    connection.finish(MAIL, then=GRACE)
    if error is None:
        # A line that is gone is replaced, and the mail goes out all the same.
        send(connection, GRACE)
    else:
        with pytest.raises(error):
            connection.begin(GRACE)
    send(connection, EVE)
    assert named(mail_server) == [[ADA], *([[GRACE]] if error is None else []), [EVE]]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("550 5.7.1 Spam", MailRefused),
        ("451 4.3.0 Later", MailDeferred),
        ("421 4.3.2 Closing", MailServerAway),
        ("drop", DeliveryUnconfirmed),
    ],
)
def test_what_is_said_of_a_mail_is_not_said_of_the_next(
    connection: MailServer,
    mail_server: MailServerForTests,
    answer: str,
    error: type[Exception],
) -> None:
    connection.begin(ADA)
    mail_server.answers("DATA", answer, times=1)
    with pytest.raises(error):
        connection.finish(MAIL, then=GRACE)
    send(connection, GRACE)
    assert named(mail_server) == [[GRACE]]


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
def test_a_recipient_reads_as_it_was_written(name: str) -> None:
    written = address_header("To", name, "ada@guests.example").decode()
    read = email.message_from_string(written, policy=default)["To"]
    [address] = read.addresses
    assert address.addr_spec == "ada@guests.example"
    # Python 3.11 reads a space between two encoded words, which RFC 2047 (6.2) has it ignore.
    assert address.display_name.replace(" ", "") == name.replace(" ", "")
