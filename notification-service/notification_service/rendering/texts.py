"""What people wrote, as it may stand among other text in a mail."""

import re
import unicodedata
from functools import lru_cache

from service_kit.text import CONTROL_CATEGORIES, DIRECTION_CHARACTERS, is_invisible

KEPT_TEXTS = 1024
MAX_NAME = 100
# FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE: what is between them turns nothing outside.
ISOLATED = "\u2068{}\u2069"
WORD_JOINER = "\u2060"

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
# Not drawn, or not without a character before them.
_NOT_DRAWN_ALONE = frozenset({"Cn", "Co", "Cs", "Mn", "Me"})
_LINK = re.compile(r"://|(?i:\bwww\.)")
# Mail programs make links of bare domains and of addresses too.
_LIKE_A_LINK = re.compile(r"[/@\uff0f\uff20]|(?i:\bwww\b)|[^\W\d_][.\u3002\uff0e][^\W\d_]{2,}")


def one_line(value: object) -> object:
    """Text that can end neither a header nor a paragraph: control characters become spaces."""
    if not isinstance(value, str):
        return value
    if value.isprintable() and "  " not in value:
        # Nearly every text: nothing to take out of it.
        return value.strip()
    cleaned = (
        " " if unicodedata.category(c) in CONTROL_CATEGORIES or c in DIRECTION_CHARACTERS else c
        for c in value
    )
    return " ".join("".join(cleaned).split())


def many_lines(value: object) -> object:
    """The same, but for line breaks."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(str(one_line(line)) for line in lines)


@lru_cache(maxsize=KEPT_TEXTS)
def among_others(text: str) -> str:
    """A title, a place, a section: no mail program makes a link of it, and it is read in its own
    direction without turning what stands around it."""
    if text.isascii() and "://" not in text and "www." not in text.lower():
        return text
    if _LINK.search(text):
        text = re.sub(r"(:/|(?i:www)\.)", rf"\1{WORD_JOINER}", text)
    return isolated(text)


def isolated(text: str) -> str:
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return ISOLATED.format(text)
    return text


def name_to_greet(name: str) -> str | None:
    """None for what is no name to be greeted with: a link, say, an address, or nothing that shows."""
    if len(name) > MAX_NAME or _LIKE_A_LINK.search(name):
        return None
    shows = (unicodedata.category(c) not in _NOT_DRAWN_ALONE and not is_invisible(c) for c in name)
    return isolated(name) if any(shows) else None
