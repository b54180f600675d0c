"""The mailbox as a program of its own, and mails to send to it."""

import os
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

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


def plain_mail(subject: str = "Hello", text: str = "The text.") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "Parterre <tickets@example.org>", "guest@example.com"
    message["Subject"] = subject
    message.set_content(text)
    return message


def confirmation() -> EmailMessage:
    """As the services send it: text, HTML with images inside, a calendar file."""
    message = plain_mail("Ваши билеты", "Партер, ряд A")
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
