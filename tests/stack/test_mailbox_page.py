"""What people see of mails: the list, its search, a mail's text, HTML and files."""

import base64
from urllib.parse import quote

import pytest

from tests.stack.mailbox_program import PIXEL, Mailbox, confirmation, plain_mail


def test_the_list_has_the_newest_first_in_readable_words(mailbox: Mailbox) -> None:
    mailbox.send(plain_mail("First"))
    mailbox.send("Subject: Привет\r\nFrom: Анна <a@b.example>\r\n\r\nx".encode())
    mailbox.send(plain_mail("=?koi8-r?B?9MXT1A==?="))

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
    identity = mailbox.send(plain_mail())

    def again(tag: str) -> int:
        return mailbox.http.get("/mails", headers={"If-None-Match": tag}).status_code

    tag = mailbox.http.get("/mails").headers["ETag"]
    assert again(tag) == 304
    mailbox.send(plain_mail())
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
        # Neither what is in files nor the names of headers.
        ("vcalendar", []),
        ("multipart", []),
    ],
)
def test_the_list_is_searched_in_what_people_see(
    mailbox: Mailbox, words: str, found: list[str]
) -> None:
    mailbox.send(confirmation())
    mailbox.send(plain_mail())

    answer = mailbox.get("/mails", q=words)

    assert [line["subject"] for line in answer["items"]] == found
    assert (answer["total"], answer["searched"], answer["is_done"]) == (2, 2, True)


def test_the_list_is_capped_and_can_be_made_longer(mailbox: Mailbox) -> None:
    for number in range(4):
        mailbox.send(plain_mail(f"Number {number}"))

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


def test_each_part_is_sandboxed_as_the_html_is(mailbox: Mailbox) -> None:
    message = plain_mail()
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
    message = plain_mail("Outer")
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


def test_text_of_mails_has_its_own_direction(mailbox: Mailbox) -> None:
    page = mailbox.http.get("/").text
    for part in ('<h2 dir="auto" ', 'class="subject" dir="auto"', '<dd class="sender" dir="auto">'):
        assert part in page
    assert "unicode-bidi: plaintext" in mailbox.http.get("/page.css").text


@pytest.mark.parametrize("place", ["/nothing", "/mails/none", "/part/none/0", "/page.html"])
def test_an_unknown_place_is_not_found(mailbox: Mailbox, place: str) -> None:
    assert mailbox.http.get(place).status_code == 404
