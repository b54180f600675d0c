"""A mail server in SMTP_URL or SMTP_HOST: a start looks whether it answers, and never shows its password."""

import socket

import pytest

from stack import mail_server


def test_a_server_that_answers_needs_no_remark() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert mail_server.remark(f"smtp://127.0.0.1:{port}") == ""


def test_an_unreachable_server_is_reported_without_its_password(unused_tcp_port: int) -> None:
    line = mail_server.remark(f"smtp://somebody:a-password@127.0.0.1:{unused_tcp_port}")
    assert line.startswith(f"No mail server answers at 127.0.0.1:{unused_tcp_port}")
    assert line.endswith("mails wait until one does.")
    assert "a-password" not in line and "\n" not in line


def test_a_server_that_never_accepts_delays_a_start_only_briefly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
def test_host_and_port_are_read_from_the_url(url: str, place: tuple[str, int] | None) -> None:
    assert mail_server.where(url) == place


@pytest.mark.parametrize(
    ("caller", "place"),
    [
        ({}, None),
        ({"SMTP_URL": "smtp://one", "SMTP_HOST": "two"}, ("one", 25)),
        ({"SMTP_HOST": "two"}, ("two", 587)),
        ({"SMTP_HOST": "two", "SMTP_SECURITY": "tls"}, ("two", 465)),
        ({"SMTP_HOST": "two", "SMTP_PORT": "2525", "SMTP_SECURITY": "none"}, ("two", 2525)),
    ],
)
def test_the_server_is_given_whole_or_in_parts(
    caller: dict[str, str], place: tuple[str, int] | None
) -> None:
    assert mail_server.where(mail_server.chosen_url(caller)) == place
