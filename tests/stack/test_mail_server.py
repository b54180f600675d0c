"""A mail server of one's own in SMTP_URL: up looks whether it answers, and never repeats a password."""

import socket
from collections.abc import Iterator

import pytest

from stack import mail_server
from tests.notifications.mail_server import MailServerForTests


@pytest.fixture
def own_server() -> Iterator[MailServerForTests]:
    server = MailServerForTests()
    server.start()
    yield server
    server.stop()


def test_one_that_answers_is_no_remark(own_server: MailServerForTests) -> None:
    assert mail_server.remark(own_server.url) == ""


def test_one_that_is_away_is_one_line_without_the_password(unused_tcp_port: int) -> None:
    line = mail_server.remark(f"smtp://somebody:a-password@127.0.0.1:{unused_tcp_port}")
    assert line.startswith(f"No mail server answers at 127.0.0.1:{unused_tcp_port}")
    assert line.endswith("mails wait until one does.")
    assert "a-password" not in line and "\n" not in line


def test_one_that_never_accepts_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_server, "ANSWER_SECONDS", 0.05)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        assert "No mail server answers" in mail_server.remark(f"smtp://127.0.0.1:{port}")
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 25)),
        ("smtps://u:p@mail.example.com", ("mail.example.com", 465)),
        ("smtp+starttls://mail.example.com", ("mail.example.com", 587)),
        ("smtp://[::1]:2525", ("::1", 2525)),
        ("smtp://u:p%40ss@mail.example.com:26/", ("mail.example.com", 26)),
        ("", None),
        ("mail.example.com:25", None),
        ("http://mail.example.com", None),
        ("smtp://", None),
        ("smtp://mail.example.com:many", None),
        ("smtp://[::1", None),
    ],
)
def test_where_mails_go(url: str, place: tuple[str, int] | None) -> None:
    assert mail_server.where(url) == place
