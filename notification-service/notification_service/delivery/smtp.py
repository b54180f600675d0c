"""The mail server, over one connection that stays open between mails.

Errors contain reply codes and words of our own, because servers like to repeat the address.
"""

import re
import smtplib
import ssl
import time
from collections.abc import Callable, Container
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from notification_service.delivery.smtp_deadline import DeadlineSMTP, DeadlineSMTPS
from service_kit.circuit_breaker import CircuitBreaker

# Servers close idle connections; a connection that was idle for longer is replaced at once.
IDLE_SECONDS = 20.0
SHORTEST_TIMEOUT_SECONDS = 0.05
PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
ACCEPTED = (250, 251)
SERVICE_CLOSING = 421
SEND_DATA = 354
# RFC 5321, 4.2.1: any reply of this class means that the server has the mail.
TAKEN = range(200, 300)

ResultT = TypeVar("ResultT")
Reply = tuple[int, bytes]
QUEUE_ID = re.compile(rb"(?i)\b(?:queued as |id=)([A-Za-z0-9][A-Za-z0-9._=-]{0,63})(?=[\s,;)@]|$)")


class SmtpError(Exception):
    """``reason`` is for guests and operators, and contains no address."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SmtpUnavailable(SmtpError):
    """The server cannot be reached, does not answer in time, or accepts no mails at the moment."""


class SmtpTemporaryFailure(SmtpError):
    """The server does not accept this mail now, but may later (4yz)."""


class SmtpPermanentFailure(SmtpError):
    """The server will never accept this mail (5yz)."""


class SmtpDeliveryUnconfirmed(SmtpError):
    """The connection failed between the mail and its reply: the server may have accepted the mail."""


class MailServer:
    """Blocking, because a worker process sends one mail at a time and does nothing else meanwhile.

    A mail is sent in two calls, so that the caller can check its right to send in between: ``begin``
    (MAIL, RCPT) and ``finish`` (DATA). Both raise SmtpError, and each takes no longer than its
    timeout allows: ``begin`` once, ``finish`` twice (for DATA, and for the mail itself).
    """

    def __init__(self, url: str, *, sender: str, timeout_seconds: float) -> None:
        parts = urlsplit(url)
        self._scheme = parts.scheme
        self._host = parts.hostname or "localhost"
        self._port = parts.port or PORTS[parts.scheme]
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._sender = sender
        self._timeout_seconds = timeout_seconds
        self._smtp: smtplib.SMTP | None = None
        # Whether the server may have a sender or recipient of a mail that was not finished.
        self._needs_reset = False
        self._used_at = 0.0
        self._deadline = 0.0
        self._breaker = CircuitBreaker("mail-server")

    def begin(self, recipient: str) -> None:
        """Announces a mail from our sender to ``recipient``. A mail that was begun before and not
        finished is forgotten."""
        self._deadline = time.monotonic() + self._timeout_seconds
        if self._smtp is not None and time.monotonic() - self._used_at > IDLE_SECONDS:
            self.close()
        if self._smtp is not None and self._announce_on_open(self._smtp, recipient):
            return
        if not self._breaker.allow():
            raise SmtpUnavailable("The mail server could not be reached.")
        try:
            smtp = self._connect()
            self._breaker.record_success()
            self._announce(smtp, recipient)
        except SmtpUnavailable:
            self._breaker.record_failure()
            raise

    def _announce_on_open(self, smtp: smtplib.SMTP, recipient: str) -> bool:
        """False if the server has closed the connection, as servers do after a while or after many
        mails: a new connection shows whether the server is available."""
        try:
            self._announce(smtp, recipient)
        except SmtpUnavailable:
            if time.monotonic() >= self._deadline:
                self._breaker.record_failure()
                raise
            return False
        return True

    def _announce(self, smtp: smtplib.SMTP, recipient: str) -> None:
        options = []
        if not recipient.isascii():
            if not smtp.has_extn("smtputf8"):
                raise SmtpPermanentFailure("The mail server takes no addresses of this alphabet.")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        if self._needs_reset:
            self._command(smtp.rset)
        self._needs_reset = True
        self._command(lambda: smtp.mail(self._sender, options))
        # Not smtp.rcpt(): it parses the address, and takes some addresses for others.
        self._command(lambda: smtp.docmd("RCPT", f"TO:<{recipient}>"))

    def finish(self, content: bytes) -> str:
        """Sends the mail itself to the recipient of ``begin``; what the server answered, such as
        ``250 2.0.0 4XyZ12``: its codes and, if it gives one, the name that its own log has for it.
        """
        smtp = self._smtp
        assert smtp is not None, "begin comes first"
        self._deadline = time.monotonic() + self._timeout_seconds
        self._command(lambda: smtp.docmd("DATA"), expected=(SEND_DATA,))

        def transfer() -> Reply:
            smtp.send(_escaped(content))
            return smtp.getreply()

        self._deadline = time.monotonic() + self._timeout_seconds
        unconfirmed = SmtpDeliveryUnconfirmed(
            "The mail server did not confirm that it has the mail; it may come twice."
        )
        code, answer = self._exchange(transfer, unconfirmed)
        self._check((code, answer), TAKEN)
        self._needs_reset = False
        self._used_at = time.monotonic()
        return f"{_codes(code, answer)} {_queue_id(answer)}".rstrip()

    def close(self) -> None:
        self._needs_reset = False
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    def _command(
        self, command: Callable[[], Reply], *, expected: tuple[int, ...] = ACCEPTED
    ) -> None:
        failure = SmtpUnavailable("The mail server stopped answering.")
        self._check(self._exchange(command, failure), expected)

    def _exchange(self, call: Callable[[], ResultT], failure: SmtpError) -> ResultT:
        """Raises ``failure`` if the connection breaks or the deadline passes."""
        assert self._smtp is not None
        self._limit(self._smtp)
        try:
            return call()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise failure from error
        except BaseException:
            # Celery's time limit, for example: a reply that comes later must not be taken for that of
            # the next command.
            self.close()
            raise

    def _check(self, reply: Reply, expected: Container[int]) -> None:
        code, answer = reply
        if code not in expected and (code == SERVICE_CLOSING or code < 400):
            self.close()
            raise SmtpUnavailable(f"The mail server is closing ({code}).")
        # Also on a connection from before: another process may have met the server while it was away.
        self._breaker.record_success()
        if code in expected:
            return
        shown = _codes(code, answer)
        if code >= 500:
            raise SmtpPermanentFailure(f"The mail server refused the mail for good ({shown}).")
        raise SmtpTemporaryFailure(f"The mail server does not take the mail now ({shown}).")

    def _connect(self) -> smtplib.SMTP:
        self.close()
        options: dict[str, Any] = {
            # The default asks the DNS for this machine's name, which may take long.
            "local_hostname": self._sender.rpartition("@")[2],
            "timeout": self._timeout(),
            "seconds_left": self._seconds_left,
        }
        try:
            if self._scheme == "smtps":
                context = ssl.create_default_context()
                smtp: smtplib.SMTP = DeadlineSMTPS(
                    self._host, self._port, context=context, **options
                )
            else:
                smtp = DeadlineSMTP(self._host, self._port, **options)
            self._smtp = smtp
            self._greet(smtp)
        except smtplib.SMTPAuthenticationError as error:
            self.close()
            raise SmtpUnavailable("The mail server does not accept our sign-in.") from error
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise SmtpUnavailable("The mail server could not be reached.") from error
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

    def _seconds_left(self) -> float:
        return self._deadline - time.monotonic()

    def _timeout(self) -> float:
        return max(SHORTEST_TIMEOUT_SECONDS, self._seconds_left())

    def _limit(self, smtp: smtplib.SMTP) -> None:
        if smtp.sock is not None:
            smtp.sock.settimeout(self._timeout())


def _codes(code: int, answer: bytes) -> str:
    """The reply code, and the enhanced status code (RFC 3463) if there is one."""
    enhanced = re.match(rb"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)", answer)
    return f"{code} {enhanced.group().decode()}" if enhanced else str(code)


def _queue_id(answer: bytes) -> str:
    """Postfix, Haraka and MailHog say ``queued as NAME``, Exim ``id=NAME``. Other words are left out:
    servers like to repeat the address."""
    named = QUEUE_ID.search(answer)
    return named.group(1).decode() if named else ""


def _escaped(content: bytes) -> bytes:
    """RFC 5321, 4.5.2: a line that begins with a dot gets another, and a lone dot ends the mail."""
    end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
    if content.startswith(b".") or b"\n." in content:
        content = re.sub(rb"(?m)^\.", b"..", content)
    return content + end
