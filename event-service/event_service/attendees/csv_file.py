"""The tickets of an event as CSV (RFC 4180).

The file starts with a byte order mark: without it Excel does not read UTF-8; other programs skip it.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from service_kit.text import is_invisible

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# With these a cell becomes a formula (OWASP, CSV injection). Excel also accepts their full-width forms,
# which NFKC turns into these.
_FORMULA_STARTS = frozenset("=+-@\u2212")
_CELL_ENDS = frozenset("\t\r\n")
# Where a comma separates decimals, Excel reads a semicolon as the end of a cell, whatever quotes there are.
_SEPARATOR = ";"


def cell(value: Any) -> str:
    """The text of a cell, which no program takes for a formula. Times are RFC 3339 in UTC, to the second."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, int):
        return str(value)
    parts = str(value).split(_SEPARATOR)
    return _SEPARATOR.join(f"'{part}" if _may_be_formula(part) else part for part in parts)


def _may_be_formula(text: str) -> bool:
    """Whether its first visible character can start a formula: some programs skip invisible ones."""
    for character in text:
        if character in _CELL_ENDS:
            return True
        # Quotes, control and format characters, and marks without a base character.
        if (
            character == '"'
            or is_invisible(character)
            or unicodedata.category(character)[0] in "CM"
        ):
            continue
        return not _FORMULA_STARTS.isdisjoint(unicodedata.normalize("NFKC", character)[0])
    return False


def encode_rows(rows: Iterable[Sequence[Any]]) -> bytes:
    """Records with CRLF ends; a cell is quoted where it must be."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerows([cell(value) for value in row] for row in rows)
    return lines.getvalue().encode()
