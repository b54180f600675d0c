"""Pages as the server renders them: complete to read, and to be taken over by the scripts."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import cachetools
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from event_service.events.schemas import EventPublic
from event_service.images.convert import WIDTHS as IMAGE_WIDTHS
from event_service.web.files import HTML, File, Files, digest, make_file
from event_service.web.formats import Formats, hue
from event_service.web.language import LANGUAGES, PARAMETER, Language, Texts, read_words, say
from event_service.web.origins import Origins
from service_kit.text import is_invisible

MAX_CACHED_BYTES = 8 * 1_048_576
ENTRY_OVERHEAD_BYTES = 500
DESCRIPTION_CHARACTERS = 200

_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
    "\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ICON = re.compile(r'^  (\w+):\s+"(M[^"]+)",$', re.M)
_WIDTH = re.compile(r"-\d+(?=\.webp$)")

# Filled and compressed pages, which are the same for all who ask alike.
_rendered: cachetools.LRUCache[tuple[Any, ...], File] = cachetools.LRUCache(
    MAX_CACHED_BYTES,
    getsizeof=lambda file: len(file.content) + len(file.gzipped) + ENTRY_OVERHEAD_BYTES,
)


@dataclass(frozen=True)
class Frame:
    """What a page is rendered in. ``address`` is its path with the part of its query that belongs to
    it; ``public_url`` comes before it where the whole address is told."""

    files: Files
    origins: Origins
    language: Language
    is_signed_in: bool
    public_url: str
    address: str
    is_development: bool

    @property
    def key(self) -> tuple[Any, ...]:
        return (
            self.files.release,
            self.origins,
            self.language,
            self.is_signed_in,
            self.public_url,
            self.address,
        )


@lru_cache(maxsize=2)
def _environment(is_development: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=is_development,
    )


# A text with its forms is the same as long as its file is.
_words = lru_cache(maxsize=10)(read_words)
_icons: Callable[[str], dict[str, str]] = lru_cache(maxsize=4)(
    lambda text: dict(_ICON.findall(text))
)


def render(
    frame: Frame, template: str, version: str = "", values: Callable[[], dict[str, Any]] = dict
) -> File:
    """A page; ``version`` stands for the content of ``values``, which are asked for where the page is not
    stored. That a page is made is nothing that others wait for: what goes into it is bounded."""
    if frame.is_development:
        return _render(frame, template, values())
    key = (template, version, *frame.key)
    file: File | None = _rendered.get(key)
    if file is None:
        file = _render(frame, template, values())
        if len(file.content) + len(file.gzipped) < MAX_CACHED_BYTES // 8:
            _rendered[key] = file
    return file


def _render(frame: Frame, template: str, values: dict[str, Any]) -> File:
    words: Texts = _words(_source(frame.files, f"locales/{frame.language.tag}.js"))
    formats = Formats(frame.language.locale)
    defaults: dict[str, Any] = {
        "canonical": "",
        "answers": "",
        "description": say(words, formats.babel, "site-description"),
        "is_unlisted": False,
        "section": frame.address.split("/")[1].split("?")[0] or "events",
    }

    def t(key: str, **more: Any) -> str:
        return say(words, formats.babel, key, **more)

    text = (
        _environment(frame.is_development)
        .get_template(template)
        .render(
            defaults
            | values
            | {
                "language": frame.language.tag,
                "languages": LANGUAGES,
                "release": frame.files.release,
                "origins": frame.origins,
                "is_signed_in": frame.is_signed_in,
                "icons": _icons(_source(frame.files, "dom.js")),
                "formats": formats,
                "t": t,
                "hue": hue,
                "isolate": isolate,
                "widths": IMAGE_WIDTHS,
                "in_width": lambda path, width: _WIDTH.sub(f"-{width}", path),
                "title_of": lambda event: (
                    t("untitled") if is_invisible(event.title) else event.title
                ),
                "in_language": lambda tag: frame.public_url + with_language(frame.address, tag),
                "here_in": lambda tag: with_language(frame.address, tag),
            }
        )
    )
    return make_file(text.encode(), HTML)


def _source(files: Files, name: str) -> str:
    return files.by_name[name].content.decode()


def with_language(address: str, tag: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode({PARAMETER: tag})}"


def isolate(text: str) -> str:
    """What people wrote, so that its direction does not turn the words around it (UAX #9)."""
    if not _RIGHT_TO_LEFT.search(text):
        return text
    return f"\u2068{_DIRECTIONS.sub('', text)}\u2069"


def paragraphs(text: str) -> list[str]:
    return [part for part in re.split(r"\n{2,}", text) if part]


def summary(event: EventPublic) -> str:
    """The beginning of the description, or where the event is."""
    text = " ".join(event.description.split())
    if not text:
        return f"{event.venue}, {event.city}"
    if len(text) <= DESCRIPTION_CHARACTERS:
        return text
    return text[:DESCRIPTION_CHARACTERS].rsplit(" ", 1)[0] + "…"


def version_of(*parts: bytes) -> str:
    """Of answers as the API packs them, the entity tags stand for them."""
    return digest(b"\n".join(part.partition(b"\n")[0] for part in parts))
