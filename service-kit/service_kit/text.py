"""Text as people may send it: bounded, without control characters, in one Unicode form.

The order matters, because normalising a run of combining marks takes time that grows with the square
of its length: first the length, then one linear look at such runs, only then ``unicodedata.normalize``
or any library (email-validator, idna, PostgreSQL).
"""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from annotated_types import GroupedMetadata
from pydantic import AfterValidator, Field, StringConstraints

from service_kit.problems import InvalidRequest

# The stream-safe format of UAX #15 has the same bound; written languages need fewer than ten.
MAX_COMBINING_IN_A_ROW = 30
# Of any one string, wherever it comes in: the longest field that a service has.
MAX_STRING_CHARACTERS = 20_000
TOO_MANY_COMBINING = f"has more than {MAX_COMBINING_IN_A_ROW} combining characters in a row"

# Cc are the control characters, Cs lone surrogates; Zl and Zp end lines in some readers.
CONTROL_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn the reading order of what stands after them, in mails and pages of others.
DIRECTION_CHARACTERS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Shown as nothing or as a space although Unicode calls them letters, marks or symbols: grapheme joiner,
# Hangul and Khmer fillers, Mongolian and other variation selectors, blank Braille, the null note head.
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U0001d159"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


@lru_cache(maxsize=8192)
def is_combining(character: str) -> bool:
    """Whether it belongs to the character before it: a canonical combining class, a mark without one
    (Mn, Mc, Me), or what compatibility normalisation turns into one (halfwidth voicing marks)."""
    if unicodedata.combining(character) or unicodedata.category(character)[0] == "M":
        return True
    if not unicodedata.decomposition(character):
        return False
    first = unicodedata.normalize("NFKD", character)[0]
    return first != character and is_combining(first)


def has_long_combining_run(text: str) -> bool:
    """Whether more than ``MAX_COMBINING_IN_A_ROW`` combining characters follow each other. Linear.

    Such a run covers at least one position of every 31, so the others are looked at only around one
    that is combining.
    """
    if text.isascii():
        return False
    step = MAX_COMBINING_IN_A_ROW + 1
    for number, character in enumerate(text[MAX_COMBINING_IN_A_ROW::step]):
        if is_combining(character):
            middle = MAX_COMBINING_IN_A_ROW + number * step
            before = _count_combining(text[max(0, middle - step) : middle][::-1])
            after = _count_combining(text[middle : middle + step])
            if before + after > MAX_COMBINING_IN_A_ROW:
                return True
    return False


def _count_combining(text: str) -> int:
    for count, character in enumerate(text):
        if not is_combining(character):
            return count
    return len(text)


def check_text(text: str, max_length: int = MAX_STRING_CHARACTERS) -> str:
    """``text`` as it came, if it may be normalised and given to a library. Raises ValueError."""
    if len(text) > max_length:
        raise ValueError(f"has more than {max_length} characters")
    if has_long_combining_run(text):
        raise ValueError(TOO_MANY_COMBINING)
    return text


def refuse_unbounded_text(document: object, *, name: str = "body") -> None:
    """Checks every string of a JSON document, keys too. Raises InvalidRequest with the field."""
    if not _may_be_unbounded(document):
        return
    for path, text in _strings_of(document):
        try:
            check_text(text)
        except ValueError as error:
            raise InvalidRequest.field(path or name, f"It {error}.") from None


def _may_be_unbounded(document: object) -> bool:
    """Whether any string of it is refused. To say where each of many strings stands takes ten times
    as long as to look at them."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if len(value) > MAX_STRING_CHARACTERS or has_long_combining_run(value):
                return True
        elif isinstance(value, dict):
            waiting.extend(value)
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
    return False


def _strings_of(document: object) -> Iterator[tuple[str, str]]:
    """Each string with where it stands, such as ``seating.sections.0.name``; without recursion, since
    a document may be nested as deeply as its reader allows."""
    waiting: list[tuple[tuple[Any, ...], object]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield ".".join(_keys_of(path)), value
        elif isinstance(value, dict):
            for key, inner in value.items():
                if isinstance(key, str):
                    yield ".".join(_keys_of(path)), key
                waiting.append(((path, key), inner))
        elif isinstance(value, list | tuple):
            waiting.extend(((path, index), inner) for index, inner in enumerate(value))


def _keys_of(path: tuple[Any, ...]) -> list[str]:
    keys: list[str] = []
    while path and len(keys) < 10:
        path, key = path
        keys.append(str(key)[:50])
    return keys[::-1]


def is_invisible(text: str) -> bool:
    """Whether nothing of it can be seen: spaces, format characters, fillers, variation selectors."""
    return all(
        character in _BLANK or unicodedata.category(character) in _INVISIBLE_CATEGORIES
        for character in text
    )


def _one_line(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    if any(
        unicodedata.category(c) in CONTROL_CATEGORIES or c in DIRECTION_CHARACTERS for c in value
    ):
        raise ValueError("holds a control character")
    return unicodedata.normalize("NFC", value)


def _many_lines(value: str) -> str:
    value = value.replace("\r\n", "\n")
    _one_line(value.replace("\n", " ").replace("\t", " "))
    return unicodedata.normalize("NFC", value)


def _cleaned(clean: Callable[[str], str], max_length: int, min_length: int) -> Callable[[str], str]:
    def validate(value: str) -> str:
        value = clean(check_text(value, max_length))
        if is_invisible(value):
            value = ""
        if len(value) < min_length:
            raise ValueError("holds nothing that can be seen")
        if len(value) > max_length:
            # Some characters become two or three when they are normalised.
            raise ValueError(f"has more than {max_length} characters")
        return value

    return validate


@dataclass(frozen=True)
class Line(GroupedMetadata):
    """One line of text, trimmed: ``Annotated[str, Line(200)]``. What is invisible counts as empty."""

    max_length: int
    min_length: int = 1

    def __iter__(self) -> Iterator[Any]:
        yield from _length_limits(self.max_length, self.min_length)
        yield AfterValidator(_cleaned(_one_line, self.max_length, self.min_length))


@dataclass(frozen=True)
class Paragraphs(GroupedMetadata):
    """Text of several lines, trimmed: ``Annotated[str, Paragraphs(500)]``. What is invisible counts
    as empty."""

    max_length: int
    min_length: int = 0

    def __iter__(self) -> Iterator[Any]:
        yield from _length_limits(self.max_length, self.min_length)
        yield AfterValidator(_cleaned(_many_lines, self.max_length, self.min_length))


def _length_limits(max_length: int, min_length: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=min_length, max_length=max_length)


@dataclass(frozen=True)
class Opaque(GroupedMetadata):
    """Text that is compared or looked up and never shown, such as a token or a password:
    ``Annotated[str, Opaque(200)]``."""

    max_length: int
    min_length: int = 0

    def __iter__(self) -> Iterator[Any]:
        yield Field(min_length=self.min_length, max_length=self.max_length)
        yield AfterValidator(check_text)
