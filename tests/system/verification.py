"""The token in a mail that asks to confirm an address."""

import email
import email.policy
import re

TOKEN = re.compile(r"verify(?:#|\?token=)([A-Za-z0-9._~-]+)")


def text_of(source: bytes) -> str:
    """The text part of a mail."""
    body = email.message_from_bytes(source, policy=email.policy.default).get_body(("plain",))
    return str(body.get_content()) if body else ""
