"""A mail server of its own process: takes every mail and notes what the drill counts, a JSON line each.

``python -m tests.system.deployment.mail_server ADDRESS PORT FILE``
"""

import asyncio
import email
import email.policy
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.system.verification import TOKEN, text_of

MAX_MAIL_BYTES = 2**24


@dataclass(frozen=True)
class Mail:
    """``at``: seconds of the monotonic clock, which all processes of a machine share. ``token``: of
    the link that confirms an address, if there is one."""

    at: float
    recipient: str
    message_id: str
    subject: str
    token: str | None


def read_mails(file: Path) -> list[Mail]:
    """All mails so far; a line that is still being written is left for the next call."""
    text = file.read_text() if file.exists() else ""
    return [Mail(**json.loads(line)) for line in text.splitlines(keepends=True) if line[-1] == "\n"]


class Notebook:
    """aiosmtpd's handler."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        head = email.message_from_bytes(
            content.partition(b"\r\n\r\n")[0], policy=email.policy.default
        )
        subject = str(head["Subject"])
        link = TOKEN.search(text_of(content))
        for recipient in envelope.rcpt_tos:
            mail = Mail(
                at=time.monotonic(),
                recipient=recipient,
                message_id=str(head["Message-ID"]).strip(),
                subject=subject,
                token=link[1] if link else None,
            )
            self._file.write(json.dumps(asdict(mail)) + "\n")
        return "250 OK"


async def serve(address: str, port: int, file: Path) -> None:
    notebook = Notebook(file)
    loop = asyncio.get_running_loop()

    def protocol() -> Any:
        return SMTP(notebook, data_size_limit=MAX_MAIL_BYTES, hostname="drill", loop=loop)

    server = await loop.create_server(protocol, address, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
