"""Text from users, made safe to show in a mail."""

import re
import unicodedata
from functools import lru_cache

from service_kit.text import CONTROL_CATEGORIES, DIRECTION_CHARACTERS, is_invisible

TEXT_CACHE_SIZE = 1024
MAX_NAME = 100
# FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE: the text between has no effect on the direction of
# the text around it.
ISOLATED = "\u2068{}\u2069"
WORD_JOINER = "\u2060"

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
# Not drawn, or not without a character before them.
_NOT_DRAWN_ALONE = frozenset({"Cn", "Co", "Cs", "Mn", "Me"})
_LINK = re.compile(r"://|(?i:\bwww\.)")
# Mail programs make links of bare domains and of addresses too.
_LIKE_A_LINK = re.compile(r"[/@\uff0f\uff20]|(?i:\bwww\b)|[^\W\d_][.\u3002\uff0e][^\W\d_]{2,}")


def one_line(value: object) -> object:
    """One line of text: control characters and line breaks become spaces. Other types stay as they are."""
    if not isinstance(value, str):
        return value
    if value.isprintable() and "  " not in value:
        return value.strip()
    cleaned = (
        " " if unicodedata.category(c) in CONTROL_CATEGORIES or c in DIRECTION_CHARACTERS else c
        for c in value
    )
    return " ".join("".join(cleaned).split())


def many_lines(value: object) -> object:
    """Like ``one_line``, with the line breaks kept. None becomes an empty text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(str(one_line(line)) for line in lines)


@lru_cache(maxsize=TEXT_CACHE_SIZE)
def inline_text(text: str) -> str:
    """A title, venue or section: mail programs make no link of it, and its direction (a Hebrew title, say)
    does not affect the text around it."""
    if text.isascii() and "://" not in text and "www." not in text.lower():
        return text
    if _LINK.search(text):
        text = re.sub(r"(:/|(?i:www)\.)", rf"\1{WORD_JOINER}", text)
    return isolate_direction(text)


def isolate_direction(text: str) -> str:
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return ISOLATED.format(text)
    return text


def greeting_name(name: str) -> str | None:
    """The name for the greeting; None if it looks like a link or an address, is too long or invisible."""
    if len(name) > MAX_NAME or _LIKE_A_LINK.search(name):
        return None
    shows = (unicodedata.category(c) not in _NOT_DRAWN_ALONE and not is_invisible(c) for c in name)
    return isolate_direction(name) if any(shows) else None
