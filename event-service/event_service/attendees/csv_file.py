"""The list of an event's tickets as CSV (RFC 4180), for a spreadsheet or a printed list.

It starts with a byte order mark: without one Excel reads UTF-8 as something else, and every other
program skips it.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from service_kit.text import is_invisible

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# What makes a spreadsheet take a cell for a formula (OWASP, CSV injection). Excel also takes the
# full-width forms of East Asian keyboards, which NFKC turns into these.
_FORMULA_STARTS = frozenset("=+-@\u2212")
_CELL_ENDS = frozenset("\t\r\n")


def cell(value: Any) -> str:
    """Text that no program calculates. Times are RFC 3339 in UTC, to the second."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return f"'{text}" if _may_calculate(text) else text


def _may_calculate(text: str) -> bool:
    """Whether a formula begins with it, after whatever no reader sees and some program skips."""
    for character in text:
        if character in _CELL_ENDS:
            return True
        # Control and format characters, and marks that have nothing to stand on.
        if is_invisible(character) or unicodedata.category(character)[0] in "CM":
            continue
        return not _FORMULA_STARTS.isdisjoint(unicodedata.normalize("NFKC", character)[0])
    return False


def encode_rows(rows: Iterable[Sequence[Any]]) -> bytes:
    """Records with CRLF ends; a cell is quoted where it must be."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerows([cell(value) for value in row] for row in rows)
    return lines.getvalue().encode()
