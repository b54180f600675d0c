"""Text as people may send it: no control characters, so that nothing can end a header or a row."""

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

# Cc are the control characters, Cs lone surrogates; Zl and Zp end lines in some readers.
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn the reading order of what stands after them, in mails and pages of others.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _one_line(value: str) -> str:
    if any(unicodedata.category(c) in _REFUSED or c in _DIRECTIONS for c in value):
        raise ValueError("holds a control character")
    return unicodedata.normalize("NFC", value)


def _many_lines(value: str) -> str:
    _one_line(value.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))
    return unicodedata.normalize("NFC", value.replace("\r\n", "\n"))


def line(max_length: int, *, min_length: int = 1) -> Any:
    """A type: one line of text, trimmed."""
    return Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=min_length, max_length=max_length),
        AfterValidator(_one_line),
    ]


def paragraphs(max_length: int) -> Any:
    """A type: text of several lines."""
    return Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=max_length),
        AfterValidator(_many_lines),
    ]
