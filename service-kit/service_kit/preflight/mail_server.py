"""The mail server: reachable, secure as configured, and it accepts the sign-in and the sender."""

import smtplib
import ssl
import time
from urllib.parse import unquote, urlsplit

from service_kit.connection_urls import SMTP_PORTS, SMTP_SCHEMES

TIMEOUT_SECONDS = 10.0
SKIP = "PREFLIGHT_MAIL=skip starts without this check"
SECURITY = {scheme: security for security, scheme in SMTP_SCHEMES.items()}


def examine(url: str, sender: str) -> list[str]:
    """A line that says why mails could not be sent, empty if they can. ``url`` is that of
    notification-service, ``sender`` an address. Nothing is sent."""
    parts = urlsplit(url)
    security = SECURITY[parts.scheme]
    host, port = parts.hostname or "", parts.port or SMTP_PORTS[security]
    server = f"The mail server {host}:{port}"
    try:
        _converse(host, port, security, parts.username, parts.password, sender)
    except smtplib.SMTPNotSupportedError as error:
        if "STARTTLS" in str(error):
            problem = "offers no STARTTLS: set SMTP_SECURITY to tls, or check SMTP_PORT"
        else:
            problem = "offers no sign-in on this connection: check SMTP_SECURITY and SMTP_PORT"
    except smtplib.SMTPAuthenticationError as error:
        problem = (
            f"refuses the sign-in ({error.smtp_code}): check SMTP_USER, and give the password by "
            "./scripts/secrets --set smtp_password"
        )
    except smtplib.SMTPSenderRefused as error:
        problem = f"refuses {sender} as sender ({error.smtp_code}): check MAIL_FROM"
    except UnicodeEncodeError:
        problem = "cannot be signed in to: name or password contain letters outside of ASCII"
    except ssl.SSLCertVerificationError as error:
        problem = f"has no valid certificate ({error.verify_message}): check SMTP_HOST"
    except ssl.SSLError as error:
        reason = error.reason or error
        problem = f"does not speak TLS there ({reason}): check SMTP_SECURITY and SMTP_PORT"
    except (OSError, smtplib.SMTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        problem = f"cannot be reached ({reason}): check SMTP_HOST and SMTP_PORT; {SKIP}"
    else:
        return []
    return [f"{server} {problem}"]


def _converse(
    host: str, port: int, security: str, user: str | None, password: str | None, sender: str
) -> None:
    """Begins a mail and takes it back. Raises what smtplib and ssl raise."""
    ends_at = time.monotonic() + TIMEOUT_SECONDS
    name = sender.rpartition("@")[2]
    context = ssl.create_default_context()
    if security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            host, port, local_hostname=name, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        smtp = smtplib.SMTP(host, port, local_hostname=name, timeout=TIMEOUT_SECONDS)
    with smtp:
        assert smtp.sock is not None
        if security == "starttls":
            smtp.starttls(context=context)
        smtp.sock.settimeout(max(0.1, ends_at - time.monotonic()))
        if user:
            smtp.login(unquote(user), unquote(password or ""))
        smtp.ehlo_or_helo_if_needed()
        code, answer = smtp.mail(sender)
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, answer, sender)
        smtp.rset()
