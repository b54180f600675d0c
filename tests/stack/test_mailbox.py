"""Mails go in by SMTP and come out as MailHog tells them; the program starts and ends well."""

import signal
import smtplib
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from stack.mailbox.store import Store
from stack.ports import free_port
from tests.stack.mailbox_program import Mailbox, launch, plain_mail, running


def test_a_mail_is_described_as_mailhog_describes_it(mailbox: Mailbox) -> None:
    source = b"Subject: One\r\nX-A: 1\r\nX-A: 2\r\n folded\r\n\r\nbody\r\n"
    identity = mailbox.send(source, to="Guest@Example.com")

    found = mailbox.get("/api/v2/messages")

    assert (found["total"], found["count"], found["start"]) == (1, 1, 0)
    (message,) = found["items"]
    content = message["Content"]
    assert message["ID"] == identity
    assert message["From"] == {
        "Relays": None,
        "Mailbox": "sender",
        "Domain": "example.org",
        "Params": "",
    }
    assert [to["Mailbox"] + "@" + to["Domain"] for to in message["To"]] == ["Guest@Example.com"]
    assert content["Headers"]["X-A"] == ["2 folded"]
    assert content["Headers"]["Return-Path"] == ["<sender@example.org>"]
    assert content["Headers"]["Message-ID"] == [identity]
    assert content["Headers"]["Received"][0].startswith("from tests.example by mailhog.example")
    # The line end before the final dot belongs to SMTP.
    assert content["Body"] == "body"
    assert content["Size"] == len(source) - 2
    assert message["MIME"] is None
    assert message["Raw"]["Data"] == source.decode().removesuffix("\r\n")
    assert message["Raw"]["Helo"] == "tests.example"


def test_parts_are_split_and_bad_bytes_replaced_one_by_one(mailbox: Mailbox) -> None:
    mailbox.send(
        b'Content-Type: multipart/mixed; boundary="b b"\r\nX: \xf0\x9f\x98A\r\n\r\n'
        b"--b b\r\nContent-Type: text/plain\r\n\r\n\xff\r\n--b b--\r\n"
    )
    (message,) = mailbox.get("/api/v1/messages")

    part, end = message["MIME"]["Parts"]

    assert message["Content"]["Headers"]["X"] == ["\ufffd\ufffd\ufffdA"]
    assert part["Headers"] == {"Content-Type": ["text/plain"]}
    assert (part["Body"], end["Body"]) == ("\ufffd", "--")


def test_pages_begin_and_end_as_with_mailhog(mailbox: Mailbox) -> None:
    sent = [mailbox.send(plain_mail(f"Number {n}")) for n in range(5)]
    newest = list(reversed(sent))

    def ids(**parameters: int) -> tuple[int, list[str]]:
        page = mailbox.get("/api/v2/messages", **parameters)
        assert page["count"] == len(page["items"])
        return page["total"], [item["ID"] for item in page["items"]]

    assert ids() == (5, newest)
    assert ids(start=1, limit=2) == (5, newest[1:3])
    # Just past the end the last one comes again; farther there is nothing.
    assert ids(start=5) == (5, newest[-1:])
    assert ids(start=6) == (5, [])


@pytest.mark.parametrize(
    ("kind", "query", "number"),
    [
        ("to", "ANNA@", 1),
        ("to", "example", 2),
        ("from", "sender@example.org", 2),
        ("from", "Parterre", 2),
        ("to", "sender@example.org", 0),
        ("containing", "second te", 1),
        ("containing", "tests.example", 2),
        ("containing", "absent", 0),
    ],
)
def test_search_finds_by_address_and_by_content(
    mailbox: Mailbox, kind: str, query: str, number: int
) -> None:
    first = plain_mail("One", "The first text.")
    first.replace_header("To", "somebody")
    second = plain_mail("Two", "The second text.")
    second.replace_header("To", "somebody")
    mailbox.send(first, to="anna@example.com")
    mailbox.send(second, to="boris@example.com")

    assert mailbox.get("/api/v2/search", kind=kind, query=query)["total"] == number


def test_search_without_a_known_kind_is_refused(mailbox: Mailbox) -> None:
    assert mailbox.http.get("/api/v2/search?kind=subject&query=a").status_code == 400
    assert mailbox.http.get("/api/v2/search?kind=to").status_code == 400


def test_the_source_comes_back_byte_by_byte(mailbox: Mailbox) -> None:
    source = b"Subject: x\r\n\r\n\xff\x00..dots\r\n.\r\nend"
    identity = mailbox.send(source)

    answer = mailbox.http.get(f"/api/v1/messages/{quote(identity)}/download")

    assert answer.content == source
    assert answer.headers["Content-Type"] == "message/rfc822"
    assert f'filename="{identity}.eml"' in answer.headers["Content-Disposition"]


def test_one_mail_is_deleted_and_then_all(mailbox: Mailbox) -> None:
    first, second, _ = [mailbox.send(plain_mail()) for _ in range(3)]
    where = f"/api/v1/messages/{quote(first)}"

    assert mailbox.http.delete(where).status_code == 200
    assert mailbox.http.delete(where).status_code == 500
    assert mailbox.http.get(where).json() is None
    assert mailbox.http.get(f"{where}/download").status_code == 404
    assert mailbox.get("/api/v2/messages")["total"] == 2
    assert mailbox.get(f"/api/v1/messages/{quote(second)}")["ID"] == second
    assert mailbox.http.delete("/api/v1/messages").status_code == 200
    assert mailbox.get("/api/v2/messages")["total"] == 0


def test_addresses_and_parameters_of_any_form_are_accepted(mailbox: Mailbox) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.smtp) as client:
        client.ehlo()
        assert client.docmd("AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=")[0] == 235
        assert client.docmd("MAIL FROM:<> SIZE=9 RET=HDRS")[0] == 250
        assert client.docmd("RCPT TO:<no-domain>")[0] == 250
        assert client.docmd("RCPT nobody")[0] == 550
        assert client.data(b"Subject: a\r\n\r\n")[0] == 250
    (message,) = mailbox.get("/api/v1/messages")

    assert (message["Raw"]["From"], message["Raw"]["To"]) == ("", ["no-domain"])


def test_hundreds_of_mails_arrive_while_clients_read(mailbox: Mailbox) -> None:
    senders, each = 8, 40

    def send_many(number: int) -> None:
        with smtplib.SMTP("127.0.0.1", mailbox.smtp) as client:
            for _ in range(each):
                client.sendmail("a@example.org", [f"to{number}@example.com"], b"Subject: x\r\n\r\n")

    seen = []
    with ThreadPoolExecutor(senders) as pool:
        sending = [pool.submit(send_many, number) for number in range(senders)]
        while not all(one.done() for one in sending):
            page = mailbox.get("/api/v2/search", kind="to", query="to0@")
            mailbox.get("/mails", q="to1@")
            seen.append(page["total"])
        for one in sending:
            one.result()

    assert mailbox.get("/api/v2/messages")["total"] == senders * each
    assert mailbox.get("/api/v2/search", kind="to", query="to0@")["total"] == each
    assert seen == sorted(seen)


@pytest.mark.alone
def test_sigterm_ends_it_at_once_even_during_an_smtp_dialogue() -> None:
    with running() as mailbox, socket.create_connection(("127.0.0.1", mailbox.smtp)) as half:
        half.sendall(b"EHLO x\r\nMAIL FROM:<a@b>\r\n")
        assert half.recv(100)
        mailbox.get("/mails")
        began = time.monotonic()

        mailbox.process.send_signal(signal.SIGTERM)

        assert mailbox.process.wait(10) == 0
        assert time.monotonic() - began < 2
        assert mailbox.process.stderr is not None
        assert "Traceback" not in mailbox.process.stderr.read()


@pytest.mark.parametrize("taken", ["MH_SMTP_BIND_ADDR", "MH_API_BIND_ADDR"])
def test_a_taken_port_is_reported_in_one_line(taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with launch(free_port(), free_port(), **{taken: f"127.0.0.1:{port}"}) as process:
            _, error = process.communicate(timeout=10)

    assert process.returncode == 1
    assert error.count("\n") == 1
    assert f"127.0.0.1:{port}" in error
    assert taken in error


def test_an_invalid_address_is_reported_in_one_line() -> None:
    with launch(1, 1, MH_API_BIND_ADDR="everywhere") as process:
        _, error = process.communicate(timeout=10)

    assert process.returncode == 1
    assert error.count("\n") == 1
    assert "MH_API_BIND_ADDR=everywhere" in error


def test_the_oldest_mails_go_when_there_are_too_many_or_too_large() -> None:
    few, small = Store("host", max_mails=2), Store("host", max_bytes=10)
    for store in (few, small):
        for number in range(3):
            store.add("helo", "from", ("to",), b"%d...." % number)

    assert [mail.data for mail in few.newest_first()] == [b"2....", b"1...."]
    assert [mail.data for mail in small.newest_first()] == [b"2....", b"1...."]
    small.clear()
    small.add("helo", "from", ("to",), b"0123456789")
    assert len(small) == 1
