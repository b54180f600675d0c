"""The conversation with a mail server."""

import email
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from email.policy import default

import pytest

from notification_service.delivery.smtp import (
    MailServer,
    SmtpDeliveryUnconfirmed,
    SmtpPermanentFailure,
    SmtpTemporaryFailure,
    SmtpUnavailable,
)
from notification_service.rendering.headers import address_header
from service_kit.circuit_breaker import CircuitBreaker
from service_kit.metrics import CIRCUIT_OPEN
from tests.notifications.mail_server import MailServerForTests

MAIL = b"Subject: One\r\n\r\nText\r\n"
ADA, GRACE, EVE = (f"{name}@guests.example" for name in ("ada", "grace", "eve"))


@pytest.fixture
def connection(mail_server: MailServerForTests) -> Iterator[MailServer]:
    connection = MailServer(mail_server.url, sender="tickets@parterre.example", timeout_seconds=2)
    yield connection
    connection.close()


def send(connection: MailServer, recipient: str) -> None:
    connection.begin(recipient)
    connection.finish(MAIL)


def named(mail_server: MailServerForTests) -> list[list[str]]:
    return [mail.recipients for mail in mail_server.received]


def test_mails_go_to_whom_they_are_for(
    connection: MailServer, mail_server: MailServerForTests
) -> None:
    for recipient in (ADA, GRACE):
        send(connection, recipient)
    assert named(mail_server) == [[ADA], [GRACE]]


@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [("550 5.1.1 Nobody", SmtpPermanentFailure), ("451 4.7.1 Later", SmtpTemporaryFailure)],
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
    with pytest.raises(SmtpPermanentFailure):
        connection.begin("nobody@guests.example")
    send(connection, "ada@guests.example")
    assert [mail.recipients for mail in mail_server.received] == [["ada@guests.example"]]


@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
@pytest.mark.parametrize("answer", ["421 4.3.2 Closing", "drop"])
def test_a_server_that_goes_in_the_midst_is_away(
    connection: MailServer, mail_server: MailServerForTests, at: str, answer: str
) -> None:
    mail_server.answers(at, answer, times=1)
    with pytest.raises(SmtpUnavailable):
        connection.begin("ada@guests.example")


@pytest.mark.parametrize("answer", ["250 Ok", "451 4.7.1 Later", "550 5.1.1 Nobody"])
def test_who_answers_on_a_reused_connection_is_not_away(
    connection: MailServer, mail_server: MailServerForTests, answer: str
) -> None:
    """Another process may have met it while it was away, and have had no mail to send since."""
    send(connection, ADA)
    CircuitBreaker("mail-server").record_failure()
    mail_server.answers("RCPT", answer, times=1)
    with suppress(SmtpTemporaryFailure, SmtpPermanentFailure):
        connection.begin(GRACE)
    assert CIRCUIT_OPEN.labels("mail-server")._value.get() == 0


def test_a_mail_that_was_not_finished_goes_to_nobody(
    connection: MailServer, mail_server: MailServerForTests
) -> None:
    connection.begin(EVE)
    send(connection, GRACE)
    assert named(mail_server) == [[GRACE]]


@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
@pytest.mark.parametrize("answer", ["421 4.3.2 Closing", "drop"])
def test_a_connection_that_the_server_closes_between_mails_is_replaced(
    connection: MailServer, mail_server: MailServerForTests, at: str, answer: str
) -> None:
    send(connection, ADA)
    mail_server.answers(at, answer, times=1)
    send(connection, GRACE)
    assert named(mail_server) == [[ADA], [GRACE]]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("550 5.7.1 Spam", SmtpPermanentFailure),
        ("451 4.3.0 Later", SmtpTemporaryFailure),
        ("421 4.3.2 Closing", SmtpUnavailable),
        ("drop", SmtpDeliveryUnconfirmed),
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
        connection.finish(MAIL)
    send(connection, GRACE)
    assert named(mail_server) == [[GRACE]]


def test_no_command_can_be_put_into_an_address(
    connection: MailServer, mail_server: MailServerForTests
) -> None:
    with suppress(ValueError, SmtpPermanentFailure):
        send(connection, "ada@guests.example>\r\nRCPT TO:<evil@guests.example")
    assert mail_server.handler.asked["RCPT"] <= 1
    assert "evil@guests.example" not in [one for t in mail_server.received for one in t.recipients]


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


def test_any_positive_reply_to_a_mail_means_that_it_is_taken(
    connection: MailServer, mail_server: MailServerForTests
) -> None:
    mail_server.answers("DATA", "251 Forwarded", times=1)
    send(connection, ADA)
    send(connection, GRACE)


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("250 2.0.0 Ok: queued as 4XyZ-1_b", "250 2.0.0 4XyZ-1_b"),
        ("250 OK id=1rAbCd-000abc-2X", "250 1rAbCd-000abc-2X"),
        ("250 Ok: queued as QL_x=@mailhog.example", "250 QL_x="),
        ("250 2.6.0 Message for ada@guests.example accepted", "250 2.6.0"),
        ("250 queued as <script>", "250"),
        ("250 Ok", "250"),
    ],
)
def test_of_what_the_server_answers_its_codes_and_its_name_for_the_mail_are_kept(
    connection: MailServer, mail_server: MailServerForTests, answer: str, kept: str
) -> None:
    """Its own log is searched by the name. It may repeat the address, which is for no log of ours."""
    mail_server.answers("DATA", answer, times=1)
    connection.begin(ADA)
    assert connection.finish(MAIL) == kept


def drip(connection: socket.socket, slow: str) -> None:
    """A server whose every reply comes whole, but for the one that comes byte by byte, for ever."""
    replies = {"EHLO": "250 slow", "DATA": "354 Go on", ".": "250 Taken"}
    commands = connection.makefile("rb")
    command, in_mail = "greeting", False
    with suppress(OSError):
        while command:
            if command == slow:
                while True:
                    connection.sendall(b"2")
                    time.sleep(0.01)
            if not in_mail or command == ".":
                in_mail = command == "DATA"
                reply = replies.get(command, "220 slow" if command == "greeting" else "250 OK")
                connection.sendall(f"{reply}\r\n".encode())
            line = commands.readline().decode()
            command = line.strip() if in_mail else line.partition(" ")[0].strip().upper()


@pytest.mark.alone
@pytest.mark.parametrize("slow", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_a_reply_that_comes_byte_by_byte_takes_no_longer_than_the_timeout(slow: str) -> None:
    """A socket's timeout is for each of its bytes."""
    error = SmtpDeliveryUnconfirmed if slow == "." else SmtpUnavailable
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connection = MailServer(
            f"smtp://127.0.0.1:{port}", sender="tickets@parterre.example", timeout_seconds=0.5
        )

        def serve() -> None:
            with server.accept()[0] as accepted:
                drip(accepted, slow)

        thread = threading.Thread(target=serve)
        thread.start()
        started = time.monotonic()
        with pytest.raises(error):
            send(connection, ADA)
        # begin() and finish() have a timeout each; without a deadline it would not end at all.
        assert time.monotonic() - started < 3
        connection.close()
        thread.join()
