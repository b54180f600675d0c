"""What makes a secret too weak for anything but development. Settings and preflight share these rules.

A rule answers with the end of a sentence ("is empty"), never with any part of the secret.
"""

import re
from urllib.parse import unquote

from sentry_sdk.utils import Dsn

MIN_KEY_CHARACTERS = 32
MIN_PASSWORD_CHARACTERS = 16
PLACEHOLDERS = ("change-me", "changeme", "placeholder", "example", "secret-key", "development")
# Beside those: what stands in manuals, and in the development environment of Compose.
KNOWN_PASSWORDS = {"", "admin", "password", "postgres", "redis", "secret", *PLACEHOLDERS}
# A line break in it is cut or kept differently by each program that reads the file.
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")
_PASSWORD_IN_URL = re.compile(r"://[^/@:]*:([^@]*)@")


def key_problem(text: str) -> str | None:
    """Why ``text`` is not good enough for a key that signs or encrypts; None if it is."""
    if not text:
        return "is empty"
    if _CONTROL_CHARACTER.search(text):
        return "contains a line break or another control character"
    if len(text) < MIN_KEY_CHARACTERS or text.lower().startswith(PLACEHOLDERS):
        return f"is a placeholder or shorter than {MIN_KEY_CHARACTERS} characters"
    return None


def password_problem(text: str) -> str | None:
    """Why ``text`` is not good enough for a password that only programs use; None if it is."""
    if not text:
        return "is empty"
    if _CONTROL_CHARACTER.search(text):
        return "contains a line break or another control character"
    if text.lower() in KNOWN_PASSWORDS or text.lower().startswith(PLACEHOLDERS):
        return "is one that everybody knows"
    if len(text) < MIN_PASSWORD_CHARACTERS:
        return f"is shorter than {MIN_PASSWORD_CHARACTERS} characters"
    return None


def foreign_password_problem(text: str) -> str | None:
    """The same for a password that somebody else chose, a mail provider for example."""
    if _CONTROL_CHARACTER.search(text):
        return "contains a line break or another control character"
    return "is a placeholder" if text.lower().startswith(PLACEHOLDERS) else None


def dsn_problem(text: str) -> str | None:
    """The same for the address that Sentry gives out."""
    if problem := foreign_password_problem(text):
        return problem
    try:
        # What sentry_sdk does with it first; its words would quote the address.
        Dsn(text)
    except ValueError:
        return (
            "is no address such as https://KEY@HOST/NUMBER, which Sentry shows as the project's DSN"
        )
    return None


def url_problem(url: str) -> str | None:
    """Why the password in an address is none. An address may have no password at all, where the
    network is what protects; but not an empty one, which is a setting that was forgotten."""
    found = _PASSWORD_IN_URL.search(url)
    if found and unquote(found[1]).lower() in KNOWN_PASSWORDS:
        return "is empty or one that everybody knows"
    return None
