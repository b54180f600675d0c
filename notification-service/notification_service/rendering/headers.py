"""A mail's header lines: encoding (RFC 2047), folding (RFC 5322, 2.2.3), and a check of the result.

User text never goes through ``email.policy``'s header factory: up to Python 3.12 it decodes encoded
words in the text and writes a line break from them as it is, so that a title could add a ``Bcc:`` header.
``email.header.Header`` encodes and never decodes.

The module uses the standard library alone, so that it can be tested on every Python.
"""

from collections.abc import Sequence
from email.header import Header
from email.utils import quote

# RFC 5322, 2.1.1: a longer line should be folded, and must not be longer than the second limit.
LINE_CHARACTERS = 78
MAX_LINE_BYTES = 998
# RFC 2047, 2: a line that holds an encoded word.
ENCODED_LINE_CHARACTERS = 76

_ATOM_SPECIALS = frozenset('()<>[]:;@\\,."')


class UnsafeHeaders(Exception):
    """The headers are not exactly the expected ones; ``reason`` quotes nothing of them."""

    reason = "The mail could not be written safely; this is our fault."


def text_header(name: str, text: str) -> bytes:
    """A header of unstructured text, such as Subject; the text may be anything."""
    if _is_plain(text) and len(name) + 2 + len(text) <= LINE_CHARACTERS:
        return f"{name}: {text}\r\n".encode("ascii")
    return f"{name}: {_encoded(name, text)}\r\n".encode("ascii")


def address_header(name: str, display_name: str, addr_spec: str) -> bytes:
    """A header of one mailbox. ``addr_spec`` stands as it is (RFC 6532 where it is not ASCII), the
    name before it encoded, or in quotes, where it has to be."""
    if not display_name:
        return f"{name}: {addr_spec}\r\n".encode()
    phrase, fold = _phrase(display_name), " "
    if phrase is None or len(name) + 2 + len(phrase) > LINE_CHARACTERS:
        phrase, fold = _encoded(name, display_name), "\r\n "
    elif len(name) + len(phrase) + len(addr_spec) + 5 > LINE_CHARACTERS:
        fold = "\r\n "
    return f"{name}: {phrase}{fold}<{addr_spec}>\r\n".encode()


def check_headers(mail: bytes, expected: Sequence[str], *, is_ascii: bool = True) -> None:
    """Raises UnsafeHeaders unless the mail has exactly the ``expected`` headers, in this order, and no
    line that a mail server could read as something else."""
    head, end, _ = mail.partition(b"\r\n\r\n")
    names: list[bytes] = []
    for line in head.split(b"\r\n"):
        if len(line) > MAX_LINE_BYTES or b"\r" in line or b"\n" in line or b"\0" in line:
            raise UnsafeHeaders
        if not line.startswith((b" ", b"\t")):
            names.append(line.partition(b" ")[0])
        elif not names or not line.strip():
            # Some mail programs take a blank line for the end of the headers.
            raise UnsafeHeaders
    if not end or names != [f"{name}:".encode("ascii") for name in expected]:
        raise UnsafeHeaders
    if is_ascii and not head.isascii():
        raise UnsafeHeaders


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and "=?" not in text and text == text.strip()


def _phrase(text: str) -> str | None:
    """As RFC 5322 writes a name (3.2.5); None if it has to be encoded."""
    if not _is_plain(text):
        return None
    return text if _ATOM_SPECIALS.isdisjoint(text) else f'"{quote(text)}"'


def _encoded(name: str, text: str) -> str:
    """Base64 or quoted words of UTF-8, a word a line."""
    # Header folds wherever Unicode ends a line.
    one_line = " ".join(text.splitlines()) if len(text.splitlines()) > 1 else text
    encodable = one_line.encode("utf-8", "replace").decode()
    header = Header(encodable, "utf-8", ENCODED_LINE_CHARACTERS, header_name=name)
    return header.encode(linesep="\r\n")
