"""What the installation asks, and how the answers become lines of ``.env``."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr

from deployment.errors import CommandFailed

SMTP_PORTS = {"starttls": "587", "tls": "465", "none": "25"}
TLS_KINDS = ("automatic", "internal", "files", "off")
HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
# An address of IPv4, or what a browser takes for one.
NUMBERS = re.compile(r"(.*\.)?[0-9]+")
# Nobody gets mail there (RFC 6761 and 6762), and auth-service takes no such address.
NO_MAIL = re.compile(r".*[@.](arpa|invalid|local|localhost|onion|test)")
SENDER = re.compile(r"[^<>\n]*<[^\s@<>]+@[^\s@<>]+>|[^\s@<>]+@[^\s@<>]+")
# Needs no quotes in any version of Compose.
PLAIN = re.compile(r"[A-Za-z0-9_.,:/@+<>= -]*")

Values = Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """``check`` gives the end of a sentence that begins with the answer, None if the answer is good.
    ``needed`` and ``default`` depend on the answers before."""

    name: str
    text: str
    check: Callable[[str], str | None] = lambda answer: None
    default: Callable[[Values], str] = lambda answers: ""
    needed: Callable[[Values], bool] = lambda answers: True
    is_optional: bool = False
    is_secret: bool = False


def _one_of(*choices: str) -> Callable[[str], str | None]:
    return lambda answer: None if answer in choices else f"is none of {', '.join(choices)}"


def _is_host(answer: str) -> str | None:
    if HOST.fullmatch(answer) and not NUMBERS.fullmatch(answer):
        return None
    if NUMBERS.fullmatch(answer):
        return "is no name; for a trial make one up, and enter it in the hosts file of your own computer"
    if not answer.isascii():
        return f"has letters outside of a to z; give the name in the form {_ascii_name(answer)}"
    return "is no host name; give it without https:// and without a slash"


def _ascii_name(host: str) -> str:
    """As browsers send it to the DNS; where Python's older rules differ (ß) only what such a name is like."""
    try:
        name = host.lower().encode("idna").decode()
        return name if name.encode().decode("idna") == host.lower() else "xn--..."
    except UnicodeError:
        return "xn--..."


def _is_sender(answer: str) -> str | None:
    """As notification-service reads it."""
    address = parseaddr(answer)[1]
    if SENDER.fullmatch(answer) and "@" in address and address.isascii():
        return None
    return (
        'is no sender; give it as Name <address>, a name with commas or quotes as "A, B" <address>'
    )


def _is_password(answer: str) -> str | None:
    return None if 10 <= len(answer) <= 128 else "must have 10 to 128 characters"


def _matches(pattern: re.Pattern[str], problem: str) -> Callable[[str], str | None]:
    return lambda answer: None if pattern.fullmatch(answer) else problem


def _is_address(answer: str) -> str | None:
    if not ADDRESS.fullmatch(answer) or "." not in answer.partition("@")[2]:
        return "is no mail address"
    return "is no mailbox: no mail gets there" if NO_MAIL.fullmatch(answer.lower()) else None


def _is_port(answer: str) -> str | None:
    return None if answer.isdecimal() and 0 < int(answer) < 65_536 else "is no port"


def _has_mail_user(answers: Values) -> bool:
    return bool(answers.get("SMTP_USER"))


QUESTIONS = (
    Question(
        "PUBLIC_HOST",
        "Host name by which people reach it, such as tickets.your-domain.org",
        _is_host,
    ),
    Question(
        "TLS",
        "Certificate, one of\n"
        "  automatic   of Let's Encrypt, free; the host name must lead to this machine\n"
        "  internal    for a trial: browsers warn\n"
        "  files       one that you have\n"
        "  off         a proxy in front of this machine has one\n"
        "Which",
        _one_of(*TLS_KINDS),
        lambda answers: "automatic",
    ),
    Question(
        "TLS_FOLDER",
        "Folder with certificate.pem and key.pem",
        _matches(re.compile("/.*"), "is no folder; begin with /"),
        needed=lambda answers: answers["TLS"] == "files",
    ),
    Question(
        "OUTER_PROXIES",
        "Network of that proxy, such as 10.0.0.5/32: only its X-Forwarded-For counts",
        _matches(re.compile(r"[0-9a-fA-F.:/ ]+"), "is no network"),
        needed=lambda answers: answers["TLS"] == "off",
    ),
    Question(
        "SMTP_HOST",
        "Mail server that sends your mails, such as smtp.your-provider.org",
        _matches(HOST, "is no host name"),
    ),
    Question(
        "SMTP_SECURITY",
        "Its connection: starttls, tls or none",
        _one_of(*SMTP_PORTS),
        lambda answers: "starttls",
    ),
    Question(
        "SMTP_PORT", "Its port", _is_port, lambda answers: SMTP_PORTS[answers["SMTP_SECURITY"]]
    ),
    Question("SMTP_USER", "User there (empty: no sign-in)", is_optional=True),
    Question(
        "SMTP_PASSWORD",
        "Password of this user",
        needed=_has_mail_user,
        is_secret=True,
    ),
    Question(
        "MAIL_FROM",
        "Sender of the mails",
        _is_sender,
        lambda answers: f"Parterre <tickets@{answers['PUBLIC_HOST']}>",
    ),
    Question(
        "SUPERUSER_EMAIL",
        "Your own address: the first account, which may do everything",
        _is_address,
    ),
    Question(
        "SUPERUSER_PASSWORD",
        "Its password, 10 characters or more (empty: a mail brings a link to choose it)",
        _is_password,
        is_optional=True,
        is_secret=True,
    ),
    Question(
        "SMOKE_EMAIL",
        "Another address of yours, for the two mails of the test after each deployment\n"
        "(you+smoke@... works with many providers; empty: the test sends no mail)",
        _is_address,
        is_optional=True,
    ),
)
# Answered, but no lines of .env.
NOT_SETTINGS = ("SMTP_PASSWORD", "SUPERUSER_EMAIL", "SUPERUSER_PASSWORD")
Ask = Callable[[Question, str], str]


def collect(present: Values, given: Values, ask: Ask | None) -> dict[str, str]:
    """Answers to all questions: those that are ``present`` already, else ``given`` ones, else what ``ask``
    returns for a question and its default. Without ``ask``, defaults. Raises CommandFailed."""
    answers: dict[str, str] = {}
    problems = []
    for question in QUESTIONS:
        name = question.name
        try:
            if not question.needed(answers):
                continue
            default = question.default(answers)
        except KeyError:
            # An earlier answer is missing, which is told.
            continue
        if name in present:
            answers[name] = present[name]
            continue
        answer = given.get(name)
        if answer is None:
            answer = ask(question, default) if ask else default
        if not answer and not question.is_optional:
            problems.append(f"{name} is missing ({question.text.splitlines()[0]})")
        elif answer and (problem := question.check(answer)):
            problems.append(f"{name}: {'it' if question.is_secret else answer} {problem}")
        else:
            answers[name] = answer
    if problems:
        raise CommandFailed("answers are missing or wrong:\n  " + "\n  ".join(problems))
    return answers


def to_settings(answers: Values, tls_port: str = "443") -> dict[str, str]:
    """Lines of ``.env`` for the answers."""
    port = "" if tls_port == "443" else f":{tls_port}"
    settings = {
        name: value for name, value in answers.items() if name not in NOT_SETTINGS and value
    }
    return {"PUBLIC_URL": f"https://{answers['PUBLIC_HOST']}{port}", **settings}


def present_settings(settings: Values, example: Values) -> dict[str, str]:
    """Values that somebody has given: not empty, and not the example's host or sender."""
    return {
        name: value
        for name, value in settings.items()
        if value and not (value == example.get(name) and "example.com" in value)
    }


def with_settings(text: str, new: Values, kept: Values) -> str:
    """``.env`` with ``new`` lines, each in the place of a line of its name, also of one that is commented
    out, else at the end. Those in ``kept`` stay. Raises CommandFailed for what cannot be written.
    """
    lines = text.splitlines()
    for name, value in new.items():
        if name in kept:
            continue
        line = f"{name}={quote(name, value)}"
        position = _position(lines, name)
        if position is None:
            lines.append(line)
        else:
            lines[position] = line
    return "\n".join(lines) + "\n"


def _position(lines: list[str], name: str) -> int | None:
    for start in (f"{name}=", f"# {name}="):
        # The last one counts.
        for number in reversed(range(len(lines))):
            if lines[number].startswith(start):
                return number
    return None


def quote(name: str, value: str) -> str:
    """As Compose reads it, without replacing anything in it."""
    if PLAIN.fullmatch(value):
        return value
    if "\n" in value or ("'" in value and any(sign in value for sign in '"$\\')):
        raise CommandFailed(f"{name} must not contain a line break, nor ' beside \", $ or \\")
    return f'"{value}"' if "'" in value else f"'{value}'"
