"""A mail server that does as it is told: takes mails, refuses, hangs, or hangs up."""

import asyncio
import email
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from functools import cached_property
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

OK = "250 OK"
TAKE = "take"


@dataclass
class ReceivedEmail:
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.content, policy=default)

    @cached_property
    def message_id(self) -> str:
        """Read without the rest: faults ask for it again and again, of a thousand mails."""
        [found] = re.findall(rb"(?m)^Message-ID: (\S+)\r$", self.content.partition(b"\r\n\r\n")[0])
        return str(found.decode())


@dataclass
class Script:
    """How the next conversations go. An answer is SMTP's, or ``hang``, or ``drop`` (the connection);
    after ``times`` of them all is well again."""

    at: str = "DATA"
    answer: str = TAKE
    times: int = 10**9


@dataclass
class Handler:
    """Keeps what it takes. The hooks are aiosmtpd's."""

    received: list[ReceivedEmail] = field(default_factory=list)
    script: Script = field(default_factory=Script)
    asked: Counter[str] = field(default_factory=Counter)
    extensions: list[str] = field(default_factory=list)
    on_rcpt: Callable[[], None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def _answer(self, server: SMTP, at: str) -> str:
        self.asked[at] += 1
        with self.lock:
            script = self.script
            if script.at != at or script.answer == TAKE or script.times <= 0:
                return OK
            script.times -= 1
        if script.answer == "hang":
            await asyncio.sleep(3600)
        if script.answer in ("drop", "drop-after-taking"):
            transport: Any = server.transport
            transport.abort()
            # The abort is seen once this coroutine gives way; no answer may go out before.
            await asyncio.sleep(3600)
        return script.answer

    async def handle_EHLO(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        return responses[:-1] + self.extensions + responses[-1:]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._answer(server, "MAIL")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = await self._answer(server, "RCPT")
        if self.on_rcpt is not None:
            await asyncio.to_thread(self.on_rcpt)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        took = ReceivedEmail(list(envelope.rcpt_tos), content)
        if self.script.answer == "drop-after-taking" and self.script.times > 0:
            self.received.append(took)
        answer = await self._answer(server, "DATA")
        if answer == OK:
            self.received.append(took)
        return answer


class ClosingController(Controller):
    """Closes at its end the connections that are still open; aiosmtpd leaves them to the garbage
    collector, whose warning would fail whatever test runs at that moment."""

    def __init__(self, handler: Handler, *, port: int) -> None:
        super().__init__(handler, hostname="127.0.0.1", port=port)
        self._servers: list[SMTP] = []

    def factory(self) -> SMTP:
        server: SMTP = super().factory()  # type: ignore[no-untyped-call]
        self._servers.append(server)
        return server

    def cancel_tasks(self, stop_loop: bool = True) -> None:
        for server in self._servers:
            if isinstance(server.transport, asyncio.Transport):
                server.transport.abort()
        super().cancel_tasks(stop_loop)


class MailServerForTests:
    """aiosmtpd in a thread, on a port of loopback. ``stop`` and ``start`` keep the port."""

    def __init__(self) -> None:
        self.handler = Handler()
        self._controller: ClosingController | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def received(self) -> list[ReceivedEmail]:
        return self.handler.received

    def start(self) -> None:
        self._controller = ClosingController(self.handler, port=self.port)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            with suppress(RuntimeError, asyncio.CancelledError):
                self._controller.stop()
            self._controller = None

    def answers(self, at: str, answer: str, *, times: int = 10**9) -> None:
        self.handler.script = Script(at, answer, times)

    def is_well(self) -> None:
        self.handler.script = Script()

    def reset(self) -> None:
        """As it was at the start, with no connection open."""
        self.stop()
        self.handler.received.clear()
        self.handler.asked.clear()
        self.handler.on_rcpt = None
        self.handler.extensions.clear()
        self.is_well()
        self.start()
