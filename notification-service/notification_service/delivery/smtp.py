"""The mail server, spoken to over one connection that is kept.

What it answers is turned into plain words and its codes: servers like to repeat the address.
"""

import re
import smtplib
import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from notification_service.delivery.outage import Outage

IDLE_SECONDS = 20.0
PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
ACCEPTED = (250, 251)
SERVICE_CLOSING = 421
NAMING_COMMANDS = 2
CRLF = b"\r\n"

ResultT = TypeVar("ResultT")


class MailServerAway(Exception):
    """It cannot be reached, hangs, or takes nothing from anybody at the moment."""

    def __init__(self, reason: str) -> None:
        super().__init__("mail server away")
        self.reason = reason


class MailDeferred(MailServerAway):
    """It does not take this mail now and may later (4yz)."""


class DeliveryUnconfirmed(MailServerAway):
    """The connection ended after the mail and before the answer: it may have been taken."""


class MailRefused(Exception):
    """It will never take this mail (5yz)."""

    def __init__(self, reason: str) -> None:
        super().__init__("mail refused")
        self.reason = reason


class MailServer:
    """Blocking, because a worker process sends one mail at a time and does nothing else meanwhile.

    A mail goes out in two steps, ``begin`` and ``finish``, so that the right to send it can be
    checked when everything but the mail itself has been said. Either raises one of the above.
    """

    def __init__(self, url: str, *, sender: str, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        self._scheme = parts.scheme
        self._host = parts.hostname or "localhost"
        self._port = parts.port or PORTS[parts.scheme]
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender
        self._quoted_sender = smtplib.quoteaddr(sender)
        self._timeout_seconds = timeout_seconds
        self._smtp: smtplib.SMTP | None = None
        # Whether somebody is named and nothing has come of it yet.
        self._is_begun = False
        # Whom the server has been told of ahead; it has not been asked yet what it says to that.
        self._ahead: str | None = None
        self._used_at = 0.0
        # However many answers it takes, ``begin`` ends within one timeout.
        self._deadline = 0.0
        self._outage = Outage()

    def begin(self, recipient: str) -> None:
        """Names sender and recipient. A connection that has gone stale is replaced."""
        self._deadline = time.monotonic() + self._timeout_seconds
        if self._smtp is not None and self._begin_on_kept(self._smtp, recipient):
            self._is_begun = True
            return
        if self._outage.is_on():
            raise MailServerAway("The mail server could not be reached.")
        try:
            self._name_both(self._connect(), recipient)
            self._is_begun = True
        except MailDeferred:
            raise
        except MailServerAway:
            self._outage.begin()
            raise

    def _begin_on_kept(self, smtp: smtplib.SMTP, recipient: str) -> bool:
        """False if the connection is no good: servers close what is idle or has carried many mails,
        and a new one will tell."""
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            return False
        try:
            if self._ahead == recipient:
                self._ahead = None
                self._hear(smtp, NAMING_COMMANDS)
                return True
            if self._ahead is not None or self._is_begun:
                # What was named last did not come; the server would refuse another sender.
                self.abandon()
            self._name_both(smtp, recipient)
        except MailDeferred:
            raise
        except MailServerAway as error:
            if isinstance(error.__cause__, TimeoutError):
                raise
            return False
        return True

    def finish(self, content: bytes, *, then: str | None = None) -> None:
        """Hands the mail over. ``then`` is who the next mail will be for: a server that offers PIPELINING
        hears of that in the same breath (RFC 2920, 3.1), which spares a round trip."""
        smtp = self._smtp
        assert smtp is not None and smtp.sock is not None, "begin comes first"
        self._deadline = time.monotonic() + self._timeout_seconds
        code, answer = self._ask(lambda: smtp.docmd("DATA"))
        if code != 354:
            self._refuse(code, answer)
        following = self._naming_ahead(smtp, then)
        smtp.sock.settimeout(self._timeout_seconds)
        try:
            smtp.send(_escaped(content) + following)
            code, answer = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise DeliveryUnconfirmed(
                "The mail server did not confirm that it has the mail; it may come twice."
            ) from error
        except BaseException:
            # Celery's time limit, say: half a mail must not be followed by another.
            self.close()
            raise
        self._is_begun = False
        self._ahead = then if following else None
        if code != 250:
            self._refuse(code, answer)
        self._used_at = time.monotonic()

    def abandon(self) -> None:
        """Takes back what ``begin`` said, or ``finish`` of the next mail."""
        self._is_begun = False
        ahead, self._ahead = self._ahead, None
        if self._smtp is not None:
            try:
                for _ in range(NAMING_COMMANDS if ahead else 0):
                    self._smtp.getreply()
                self._smtp.rset()
            except (OSError, smtplib.SMTPException):
                self.close()

    def close(self) -> None:
        self._is_begun, self._ahead = False, None
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    def _connect(self) -> smtplib.SMTP:
        self.close()
        options: dict[str, Any] = {
            # The default asks the DNS for this machine's name, which may take long.
            "local_hostname": self._sender.rpartition("@")[2],
            "timeout": self._left(),
        }
        try:
            if self._scheme == "smtps":
                context = ssl.create_default_context()
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                    self._host, self._port, context=context, **options
                )
            else:
                smtp = smtplib.SMTP(self._host, self._port, **options)
            self._smtp = smtp
            self._greet(smtp)
        except smtplib.SMTPAuthenticationError as error:
            self.close()
            raise MailServerAway("The mail server does not accept our sign-in.") from error
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise MailServerAway("The mail server could not be reached.") from error
        return smtp

    def _greet(self, smtp: smtplib.SMTP) -> None:
        self._limit(smtp)
        smtp.ehlo_or_helo_if_needed()
        if self._scheme == "smtp+starttls":
            smtp.starttls(context=ssl.create_default_context())
            self._limit(smtp)
            smtp.ehlo()
        if self._user:
            self._limit(smtp)
            smtp.login(self._user, self._password)

    def _left(self) -> float:
        return max(0.05, self._deadline - time.monotonic())

    def _limit(self, smtp: smtplib.SMTP) -> None:
        if smtp.sock is not None:
            smtp.sock.settimeout(self._left())

    def _name_both(self, smtp: smtplib.SMTP, recipient: str) -> None:
        """At once to a server that offers PIPELINING, which spares round trips."""
        commands = self._naming(smtp, recipient)
        for said in [b"".join(commands)] if smtp.has_extn("pipelining") else commands:
            self._ask(partial(smtp.send, said))
            self._hear(smtp, said.count(CRLF))

    def _naming_ahead(self, smtp: smtplib.SMTP, recipient: str | None) -> bytes:
        """Nothing where it cannot be said ahead; whatever is wrong with it, ``begin`` will tell."""
        if recipient is None or not smtp.has_extn("pipelining"):
            return b""
        try:
            return b"".join(self._naming(smtp, recipient))
        except (MailRefused, ValueError):
            return b""

    def _naming(self, smtp: smtplib.SMTP, recipient: str) -> list[bytes]:
        """The commands that name sender and recipient. Raises MailRefused.

        The recipient stands as it is: ``smtplib.quoteaddr`` parses it, and some parse to another.
        """
        options = ""
        if not recipient.isascii():
            if not smtp.has_extn("smtputf8"):
                raise MailRefused("The mail server takes no addresses of this alphabet.")
            options = " SMTPUTF8 BODY=8BITMIME"
        commands = (
            f"MAIL FROM:{self._quoted_sender}{options}",
            f"RCPT TO:<{recipient}>",
        )
        if any("\r" in command or "\n" in command for command in commands):
            raise ValueError("a line break in a command")
        return [command.encode() + CRLF for command in commands]

    def _hear(self, smtp: smtplib.SMTP, commands: int) -> None:
        """Each command has its answer, whatever became of those before it."""
        answers = [self._ask(smtp.getreply) for _ in range(commands)]
        for code, answer in answers:
            if code not in ACCEPTED:
                self._refuse(code, answer)

    def _ask(self, command: Callable[[], ResultT]) -> ResultT:
        if self._smtp is not None:
            self._limit(self._smtp)
        try:
            return command()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise MailServerAway("The mail server stopped answering.") from error

    def _refuse(self, code: int, answer: bytes) -> None:
        if code == SERVICE_CLOSING or code < 400:
            self.close()
            raise MailServerAway(f"The mail server is closing ({code}).")
        self.abandon()
        shown = _codes(code, answer)
        if code >= 500:
            raise MailRefused(f"The mail server refused the mail for good ({shown}).")
        raise MailDeferred(f"The mail server does not take the mail now ({shown}).")


def _codes(code: int, answer: bytes) -> str:
    """The reply code, and the enhanced one of RFC 3463 if there is one."""
    enhanced = re.match(rb"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)", answer)
    return f"{code} {enhanced.group().decode()}" if enhanced else str(code)


def _escaped(content: bytes) -> bytes:
    """RFC 5321, 4.5.2: a line that begins with a dot gets another, and a lone dot ends the mail."""
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    if content.startswith(b".") or b"\n." in content:
        content = re.sub(rb"(?m)^\.", b"..", content)
    return content + end
