"""The language of a page: as its address says, as the person chose before, or as the browser asks."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from babel import Locale, UnknownLocaleError
from fastapi import Request

Tag = Literal["en", "ru"]
LANGUAGES: tuple[Tag, ...] = ("en", "ru")
PARAMETER = "lang"
COOKIE = "parterre_language"
COOKIE_SECONDS = 365 * 86_400
# Of what a browser asks for; the rest, which nobody bounds where a request is refused, is not looked at.
MAX_TAGS = 10
MAX_CHARACTERS = 500

# Each part can be found in one way only: a header may hold 8,000 spaces.
_TAG = re.compile(r"([A-Za-z]{2,3})(?:-([A-Za-z]{2}))?(?:-\w+)*(?:\s*;\s*q=([01](?:\.\d{1,3})?))?")
_TEXT = r'"(?:[^"\\]|\\.)*"'
_ENTRY = re.compile(
    rf'^  (?:"([^"]+)"|([\w$]+)):\s+({_TEXT}|\{{(?:\s*\w+:\s+{_TEXT},?)+\s*\}}),$', re.M
)
_FORM = re.compile(rf"(\w+):\s+({_TEXT})")

Texts = Mapping[str, str | dict[str, str]]


@dataclass(frozen=True)
class Language:
    """``tag`` is one of LANGUAGES; ``locale`` may have a region, which decides how dates are written."""

    tag: Tag
    locale: str


def language_of(request: Request) -> Language:
    """The first that we speak of the address, the choice that was kept, and what the browser accepts."""
    tags = _accepted(request.headers.get("accept-language", "")[:MAX_CHARACTERS])
    chosen = [request.query_params.get(PARAMETER), request.cookies.get(COOKIE)]
    wanted = [*chosen, *(tag[:2] for tag in tags)]
    known = [tag for want in wanted for tag in LANGUAGES if tag == want]
    language = known[0] if known else LANGUAGES[0]
    regional = [tag for tag in tags if tag.startswith(language)]
    return Language(language, regional[0] if regional else language)


@lru_cache(maxsize=1_000)
def _accepted(header: str) -> tuple[str, ...]:
    """Languages such as ``en`` and ``en_GB``, the best first; those that CLDR does not know are left out."""
    weighted = []
    for part in header.split(",")[:MAX_TAGS]:
        found = _TAG.fullmatch(part.strip())
        if found:
            region = f"_{found[2].upper()}" if found[2] else ""
            weighted.append((-float(found[3] or 1), found[1].lower() + region))
    return tuple(
        tag for weight, tag in sorted(weighted, key=lambda w: w[0]) if weight and _exists(tag)
    )


def _exists(tag: str) -> bool:
    try:
        return Locale.parse(tag) is not None
    except (UnknownLocaleError, ValueError):
        return False


def read_words(source: str) -> Texts:
    """The texts of a module of ``locales``: the server speaks in the words of the page's scripts."""
    words: dict[str, str | dict[str, str]] = {}
    for quoted, plain, value in _ENTRY.findall(source):
        words[quoted or plain] = (
            json.loads(value)
            if value.startswith('"')
            else {form: json.loads(text) for form, text in _FORM.findall(value)}
        )
    return words


def say(words: Texts, locale: Locale, key: str, **values: Any) -> str:
    """As ``t`` of ``language.js``: a text with forms takes the one for ``n``."""
    text = words[key]
    if isinstance(text, dict):
        text = text.get(locale.plural_form(values["n"])) or text["other"]
    return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], "")), text)
