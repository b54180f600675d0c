"""The SMTP side: accepts every mail from every client."""

import re
from collections.abc import Callable
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from stack.mailbox.mailhog_json import text
from stack.mailbox.store import Store

LINE_BYTES = 32 << 20


class Handler:
    """Offers what MailHog offers after EHLO, and puts mails into the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [f"250-Hello {hostname}", "250-PIPELINING", "250 AUTH PLAIN"]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        data = envelope.content.removesuffix(b"\r\n")
        recipients = tuple(envelope.rcpt_tos)
        mail = self._store.add(session.host_name, envelope.mail_from or "", recipients, data)
        return f"250 Ok: queued as {mail.id}"


class Server(SMTP):
    """Takes addresses as they stand and ignores parameters, as MailHog does."""

    line_length_limit = LINE_BYTES
    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"

    async def _accept(self, keyword: str, argument: str | None, keep: Callable[[str], Any]) -> None:
        if await self.check_helo_needed():
            return
        match = re.match(keyword + r":\s*(?:<([^>]*)>|(\S+))", argument or "", re.IGNORECASE)
        if match:
            address = match[1] or match[2] or ""
            keep(text(address.encode("utf-8", "surrogateescape")))
        await self.push("250 Ok" if match else "550 Invalid syntax")

    async def smtp_MAIL(self, arg: str | None) -> None:
        await self._accept("FROM", arg, lambda sender: setattr(self.envelope, "mail_from", sender))

    async def smtp_RCPT(self, arg: str | None) -> None:
        envelope = self.envelope
        assert envelope is not None
        await self._accept("TO", arg, envelope.rcpt_tos.append)


def make_server(store: Store) -> Server:
    return Server(
        Handler(store),
        hostname=store.hostname,
        ident="ESMTP MailHog",
        data_size_limit=None,
        enable_SMTPUTF8=True,
        auth_require_tls=False,
        authenticator=lambda *_: AuthResult(success=True),
    )
