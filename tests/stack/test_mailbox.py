"""The mailbox as a program of its own: mails go in by SMTP and come out over HTTP."""

import base64
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from stack.mailbox.store import Store
from stack.ports import free_port

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
READY_SECONDS = 20.0
PIXEL = b"\x89PNG\r\n\x1a\n-not-really-a-picture"
Json = dict[str, Any]


@dataclass
class Mailbox:
    process: subprocess.Popen[str]
    smtp: int
    http: httpx.Client

    def send(self, source: bytes | EmailMessage, to: str = "guest@example.com") -> str:
        """The id of the mail, as the answer to DATA tells it."""
        data = source if isinstance(source, bytes) else source.as_bytes(policy=SMTP)
        with smtplib.SMTP("127.0.0.1", self.smtp, local_hostname="tests.example") as client:
            client.ehlo()
            client.mail("sender@example.org")
            client.rcpt(to)
            code, words = client.data(data)
        assert code == 250
        return words.decode().rpartition(" ")[2]

    def get(self, path: str, **parameters: Any) -> Any:
        return self.http.get(path, params=parameters).raise_for_status().json()

    def details(self, identity: str) -> Json:
        found: Json = self.get(f"/mails/{quote(identity)}")
        return found

    def part(self, identity: str, number: int) -> httpx.Response:
        return self.http.get(f"/part/{quote(identity)}/{number}").raise_for_status()


def launch(smtp: int, api: int, **more: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "MH_SMTP_BIND_ADDR": f"127.0.0.1:{smtp}",
        "MH_API_BIND_ADDR": f"127.0.0.1:{api}",
        "PYTHONPATH": str(SCRIPTS),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "stack.mailbox"],
        env=environment | more,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running() -> Iterator[Mailbox]:
    smtp, api = free_port(), free_port()
    with launch(smtp, api) as process, httpx.Client(base_url=f"http://127.0.0.1:{api}") as http:
        try:
            _wait(process, smtp)
            yield Mailbox(process, smtp, http)
        finally:
            process.kill()


def _wait(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, "the mailbox is not ready"
            time.sleep(0.02)


@pytest.fixture(scope="module")
def program() -> Iterator[Mailbox]:
    with running() as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(program: Mailbox) -> Mailbox:
    program.http.delete("/api/v1/messages").raise_for_status()
    return program


def letter(subject: str = "Hello", text: str = "The text.") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "Parterre <tickets@example.org>", "guest@example.com"
    message["Subject"] = subject
    message.set_content(text)
    return message


def confirmation() -> EmailMessage:
    """As the services send it: text, HTML with images inside, a calendar file."""
    message = letter("Ваши билеты", "Партер, ряд A")
    html = (
        '<!DOCTYPE html><html><head><title>x</title></head><body><img src="cid:seat1">'
        '<img src="cid:seat10"><script>parent.stolen = 1</script><p>Партер</p></body></html>'
    )
    message.add_alternative(html, subtype="html")
    body = message.get_payload(1)
    assert isinstance(body, EmailMessage)
    body.add_related(PIXEL + b"1", "image", "png", cid="<seat1>")
    body.add_related(PIXEL + b"10", "image", "png", cid="<seat10>", filename="seat.png")
    message.add_attachment(b"BEGIN:VCALENDAR", "text", "calendar", filename="билет.ics")
    return message


# What MailHog answers


def test_a_mail_is_told_in_the_words_of_mailhog(mailbox: Mailbox) -> None:
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


def test_pages_are_cut_as_mailhog_cuts_them(mailbox: Mailbox) -> None:
    sent = [mailbox.send(letter(f"Number {n}")) for n in range(5)]
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
    first = letter("One", "The first text.")
    first.replace_header("To", "somebody")
    second = letter("Two", "The second text.")
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
    first, second, _ = [mailbox.send(letter()) for _ in range(3)]
    where = f"/api/v1/messages/{quote(first)}"

    assert mailbox.http.delete(where).status_code == 200
    assert mailbox.http.delete(where).status_code == 500
    assert mailbox.http.get(where).json() is None
    assert mailbox.http.get(f"{where}/download").status_code == 404
    assert mailbox.get("/api/v2/messages")["total"] == 2
    assert mailbox.get(f"/api/v1/messages/{quote(second)}")["ID"] == second
    assert mailbox.http.delete("/api/v1/messages").status_code == 200
    assert mailbox.get("/api/v2/messages")["total"] == 0


def test_addresses_and_parameters_of_any_form_are_taken(mailbox: Mailbox) -> None:
    with smtplib.SMTP("127.0.0.1", mailbox.smtp) as client:
        client.ehlo()
        assert client.docmd("AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=")[0] == 235
        assert client.docmd("MAIL FROM:<> SIZE=9 RET=HDRS")[0] == 250
        assert client.docmd("RCPT TO:<no-domain>")[0] == 250
        assert client.docmd("RCPT nobody")[0] == 550
        assert client.data(b"Subject: a\r\n\r\n")[0] == 250
    (message,) = mailbox.get("/api/v1/messages")

    assert (message["Raw"]["From"], message["Raw"]["To"]) == ("", ["no-domain"])


# What people read


def test_the_list_has_the_newest_first_in_readable_words(mailbox: Mailbox) -> None:
    mailbox.send(letter("First"))
    mailbox.send("Subject: Привет\r\nFrom: Анна <a@b.example>\r\n\r\nx".encode())
    mailbox.send(letter("=?koi8-r?B?9MXT1A==?="))

    lines = mailbox.get("/mails")["items"]

    assert [line["subject"] for line in lines] == ["Тест", "Привет", "First"]
    assert lines[1]["sender"] == "Анна <a@b.example>"
    assert lines[2]["sender"] == "Parterre <tickets@example.org>"
    assert lines[2]["recipients"] == "guest@example.com"


def test_bare_line_feeds_hide_no_subject(mailbox: Mailbox) -> None:
    mailbox.send(b"Subject: Short\nFrom: a@b.example\n\ntext")

    (line,) = mailbox.get("/mails")["items"]

    assert (line["subject"], line["sender"]) == ("Short", "a@b.example")


def test_the_list_is_not_sent_again_while_nothing_changes(mailbox: Mailbox) -> None:
    identity = mailbox.send(letter())

    def again(tag: str) -> int:
        return mailbox.http.get("/mails", headers={"If-None-Match": tag}).status_code

    tag = mailbox.http.get("/mails").headers["ETag"]
    assert again(tag) == 304
    mailbox.send(letter())
    assert again(tag) == 200
    tag = mailbox.http.get("/mails").headers["ETag"]
    mailbox.http.delete(f"/api/v1/messages/{quote(identity)}")
    assert again(tag) == 200


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("партер", ["Ваши билеты"]),
        ("билеты guest ряд", ["Ваши билеты"]),
        ("the TEXT", ["Hello"]),
        ("guest@example", ["Hello", "Ваши билеты"]),
        # Base64 of a picture is no text, and neither are the names of headers.
        ("iVBOR", []),
        ("multipart", []),
    ],
)
def test_the_list_is_searched_in_what_people_see(
    mailbox: Mailbox, words: str, found: list[str]
) -> None:
    mailbox.send(confirmation())
    mailbox.send(letter())

    answer = mailbox.get("/mails", q=words)

    assert [line["subject"] for line in answer["items"]] == found
    assert (answer["total"], answer["searched"], answer["is_done"]) == (2, 2, True)


def test_the_list_is_capped_and_can_be_made_longer(mailbox: Mailbox) -> None:
    for number in range(4):
        mailbox.send(letter(f"Number {number}"))

    short = mailbox.get("/mails", limit=3)

    assert [line["subject"] for line in short["items"]] == ["Number 3", "Number 2", "Number 1"]
    assert short["total"] == 4
    assert len(mailbox.get("/mails", limit=10)["items"]) == 4


def test_a_mail_is_opened_with_its_text_its_html_and_its_files(mailbox: Mailbox) -> None:
    identity = mailbox.send(confirmation())

    opened = mailbox.details(identity)

    assert mailbox.part(identity, opened["text"]).text.strip() == "Партер, ряд A"
    assert ["Subject", "Ваши билеты"] in opened["headers"]
    # The images are shown in the HTML, so they are not listed beside it.
    (calendar,) = opened["attachments"]
    assert (calendar["name"], calendar["type"]) == ("билет.ics", "text/calendar")
    answer = mailbox.part(identity, calendar["number"])
    assert answer.content == b"BEGIN:VCALENDAR"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_inline_images_stand_in_the_html_each_in_its_place(mailbox: Mailbox) -> None:
    identity = mailbox.send(confirmation())

    html = mailbox.part(identity, mailbox.details(identity)["html"]).text

    first, tenth = (
        f'<img src="data:image/png;base64,{base64.b64encode(PIXEL + end).decode()}">'
        for end in (b"1", b"10")
    )
    assert first + tenth in html
    assert "<p>Партер</p>" in html


def test_the_html_of_a_mail_has_no_scripts_no_origin_and_links_in_tabs(mailbox: Mailbox) -> None:
    identity = mailbox.send(confirmation())

    answer = mailbox.part(identity, mailbox.details(identity)["html"])

    policy = dict(rule.strip().partition(" ")[::2] for rule in
                  answer.headers["Content-Security-Policy"].split(";"))  # fmt: skip
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy
    assert policy["img-src"] == "data:"
    assert not {"allow-scripts", "allow-same-origin", "allow-forms", "allow-top-navigation"} & set(
        policy["sandbox"].split()
    )
    assert answer.text.startswith("<!DOCTYPE html>")
    assert '<head><base target="_blank">' in answer.text


def test_any_part_is_as_shut_in_as_the_html(mailbox: Mailbox) -> None:
    message = letter()
    message.add_attachment(b"<svg/>", "image", "svg+xml", filename="a.svg", disposition="inline")
    identity = mailbox.send(message)
    (file,) = mailbox.details(identity)["attachments"]

    answer = mailbox.part(identity, file["number"])

    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_html_of_no_named_character_set_is_read_as_utf_8(mailbox: Mailbox) -> None:
    identity = mailbox.send("Content-Type: text/html\r\n\r\n<p>Привет</p>".encode())
    named = mailbox.send(b"Content-Type: text/html; charset=koi8-r\r\n\r\n<p>\xf0</p>")

    answers = [mailbox.part(one, 0) for one in (identity, named)]

    assert [answer.headers["Content-Type"] for answer in answers] == [
        "text/html; charset=utf-8",
        "text/html; charset=koi8-r",
    ]


def test_a_mail_in_a_mail_is_one_file(mailbox: Mailbox) -> None:
    message = letter("Outer")
    message.add_attachment(confirmation())
    identity = mailbox.send(message)

    opened = mailbox.details(identity)

    (inner,) = opened["attachments"]
    assert opened["html"] is None
    assert inner["type"] == "message/rfc822"
    assert b"BEGIN:VCALENDAR" in mailbox.part(identity, inner["number"]).content or (
        b"Content-Type: text/calendar" in mailbox.part(identity, inner["number"]).content
    )


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"no headers at all",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/html; charset=no-such-charset\r\n\r\n<p>\xff",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Disposition: attachment; filename*=no-such''%ff\r\n\r\nx",
        b"Subject: =?no-such?B?!!?=\r\nSubject: =?utf-8?Q?=FF?=\r\nFrom: \xff\r\n\r\n",
        b"Content-Type: \xff; x=\r\n \xfe\r\n\r\n",
    ],
)
def test_a_broken_mail_can_be_listed_found_and_opened(mailbox: Mailbox, source: bytes) -> None:
    identity = mailbox.send(source)

    opened = mailbox.details(identity)

    assert mailbox.get("/mails", q="guest@example.com")["total"] == 1
    assert mailbox.get("/mails", q="not in it")["items"] == []
    for number in (opened["html"], opened["text"], *(f["number"] for f in opened["attachments"])):
        if number is not None:
            mailbox.part(identity, number)


def test_the_page_brings_all_it_needs_and_is_framed_by_nobody(mailbox: Mailbox) -> None:
    page = mailbox.http.get("/")
    files = [mailbox.http.get(place) for place in ("/page.css", "/page.js")]

    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for file in files:
        assert file.status_code == 200
        assert str(file.url.path) in page.text
    for address in ("http://", "https://"):
        assert address not in page.text.replace("http://www.w3.org/2000/svg", "")
        assert all(address not in file.text for file in files)


@pytest.mark.parametrize("place", ["/nothing", "/mails/none", "/part/none/0", "/page.html"])
def test_an_unknown_place_is_not_found(mailbox: Mailbox, place: str) -> None:
    assert mailbox.http.get(place).status_code == 404


# The program


def test_hundreds_of_mails_arrive_while_others_read(mailbox: Mailbox) -> None:
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


def test_termination_ends_it_at_once_even_in_the_middle_of_things() -> None:
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
def test_a_taken_port_is_told_in_one_line(taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with launch(free_port(), free_port(), **{taken: f"127.0.0.1:{port}"}) as process:
            _, error = process.communicate(timeout=10)

    assert process.returncode == 1
    assert error.count("\n") == 1
    assert f"127.0.0.1:{port}" in error
    assert taken in error


def test_an_address_that_is_none_is_told_in_one_line() -> None:
    with launch(1, 1, MH_API_BIND_ADDR="everywhere") as process:
        _, error = process.communicate(timeout=10)

    assert process.returncode == 1
    assert error.count("\n") == 1
    assert "MH_API_BIND_ADDR=everywhere" in error


# What is kept


def test_the_oldest_mails_go_when_there_are_too_many_or_too_large() -> None:
    few, small = Store("host", keep=2), Store("host", keep_bytes=10)
    for store in (few, small):
        for number in range(3):
            store.add("helo", "from", ("to",), b"%d...." % number)

    assert [mail.data for mail in few.newest_first()] == [b"2....", b"1...."]
    assert [mail.data for mail in small.newest_first()] == [b"2....", b"1...."]
    small.clear()
    small.add("helo", "from", ("to",), b"0123456789")
    assert len(small) == 1
