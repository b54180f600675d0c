"""The files of the web page, read from ``event-service/web``.

A file's URL contains a hash of all files: browsers cache it for good, and a module that imports its
neighbour by a relative path always gets the one of the same release.
"""

import gzip
import hashlib
import json
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from event_service.web.modules import join_modules
from service_kit.money import CURRENCY_DIGITS

# Beside the package, in the repository as in the image.
FOLDER = Path(__file__).parents[2] / "web"
# A generated file: the styles that the first page needs. A view's own come with it (``styles.js``).
STYLES = "page.css"
STYLES_OF_FRAME = (
    "base.css",
    "frame.css",
    "controls.css",
    "search.css",
    "cards.css",
    "notices.css",
    "parts.css",
    "picture.css",
    "event.css",
    "panel.css",
)
# And those of a map of seats.
STYLES_OF_SEATS = "seats.css"
SEATS = ("seat-map.css", "seat-cells.css")
# Below it modules are served as people wrote them, for pages that do not have the joined ones.
PLAIN = "plain/"
# A generated module: the currencies and the number of their decimals. Browsers have other tables.
CURRENCIES = "currencies.js"
HASH_CHARACTERS = 16
HTML = "text/html; charset=utf-8"
# Files are compressed once. What is made for a visit is compressed while others wait, perhaps of texts
# that were written for it: the best level takes forty times as long for them, and saves a twentieth.
BEST_LEVEL = 9
FAST_LEVEL = 5

# The tables of media types differ from machine to machine.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
COMPRESSIBLE = {
    "application/ld+json",
    "application/manifest+json",
    "application/wasm",
    "application/xml",
    "image/svg+xml",
    "text/css",
    "text/html",
    "text/javascript",
    "text/plain",
}


@dataclass(frozen=True)
class File:
    """``gzipped`` is empty where it would not be smaller."""

    content: bytes
    media_type: str
    etag: str
    gzipped: bytes = b""


@dataclass(frozen=True, eq=False)
class Files:
    """``by_name`` has the files as people wrote them, ``served`` as browsers get them. What is made of them
    is kept by them."""

    release: str
    by_name: dict[str, File]
    served: dict[str, File]


def make_file(content: bytes, media_type: str, level: int = FAST_LEVEL) -> File:
    """With its ETag, and compressed by gzip's ``level`` (1 to 9) where its type is worth it."""
    compressed = b""
    if media_type.split(";")[0] in COMPRESSIBLE:
        compressed = gzip.compress(content, level, mtime=0)
    gzipped = compressed if len(compressed) < len(content) else b""
    return File(content, media_type, f'"{digest(content)}"', gzipped)


def _best(content: bytes, media_type: str) -> File:
    return make_file(content, media_type, BEST_LEVEL)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:HASH_CHARACTERS]


def read_files() -> Files:
    """All files by their path below FOLDER; no other path is served. They are read again when one has
    changed."""
    paths = [path for path in sorted(FOLDER.rglob("*")) if path.is_file()]
    changed = tuple((stat.st_mtime_ns, stat.st_size) for stat in map(Path.stat, paths))
    return _read(tuple(paths), changed)


@lru_cache(maxsize=1)
def _read(paths: tuple[Path, ...], changed: tuple[tuple[int, int], ...]) -> Files:
    by_name = {
        path.relative_to(FOLDER).as_posix(): _best(path.read_bytes(), _media_type(path))
        for path in paths
    }
    by_name[CURRENCIES] = _currencies()
    release = digest("".join(f"{name}{file.etag}" for name, file in by_name.items()).encode())
    plain = {PLAIN + name: file for name, file in by_name.items()}
    return Files(release, by_name, by_name | _joined(by_name) | plain)


def _joined(by_name: dict[str, File]) -> dict[str, File]:
    """What a first visit loads, in one file of styles and one of modules; and what an event's does."""
    sources = {n: f.content.decode() for n, f in by_name.items() if n.endswith(".js")}
    joined = {
        name: _best(text.encode(), MEDIA_TYPES[".js"])
        for name, text in join_modules(sources).items()
        if text != sources[name]
    }
    for name, parts in ((STYLES, STYLES_OF_FRAME), (STYLES_OF_SEATS, SEATS)):
        styles = b"".join(by_name[part].content for part in parts)
        joined[name] = _best(styles, MEDIA_TYPES[".css"])
    return joined


def _currencies() -> File:
    table = json.dumps(dict(sorted(CURRENCY_DIGITS.items())))
    content = f"// ISO 4217: decimals of each currency.\nexport default {table};\n".encode()
    return _best(content, MEDIA_TYPES[".js"])


def _media_type(path: Path) -> str:
    return (
        MEDIA_TYPES.get(path.suffix)
        or mimetypes.guess_type(path.name)[0]
        or "application/octet-stream"
    )


@lru_cache(maxsize=1)
def cached_files() -> Files:
    return read_files()
