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
# Below it modules are served as people wrote them, for pages that do not have the joined ones.
PLAIN = "plain/"
# A generated module: the currencies and the number of their decimals. Browsers have other tables.
CURRENCIES = "currencies.js"
HASH_CHARACTERS = 16
HTML = "text/html; charset=utf-8"
GZIP_LEVEL = 9

# The tables of media types differ from machine to machine.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": HTML,
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


@dataclass(frozen=True)
class Files:
    """``by_name`` has the files as people wrote them, ``served`` as browsers get them."""

    release: str
    by_name: dict[str, File]
    served: dict[str, File]


def make_file(content: bytes, media_type: str) -> File:
    compressed = b""
    if media_type.split(";")[0] in COMPRESSIBLE:
        compressed = gzip.compress(content, GZIP_LEVEL, mtime=0)
    gzipped = compressed if len(compressed) < len(content) else b""
    return File(content, media_type, f'"{digest(content)}"', gzipped)


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
        path.relative_to(FOLDER).as_posix(): make_file(path.read_bytes(), _media_type(path))
        for path in paths
    }
    by_name[CURRENCIES] = _currencies()
    release = digest("".join(f"{name}{file.etag}" for name, file in by_name.items()).encode())
    plain = {PLAIN + name: file for name, file in by_name.items()}
    return Files(release, by_name, by_name | _joined(by_name) | plain)


def _joined(by_name: dict[str, File]) -> dict[str, File]:
    """What a first visit loads, in one file of styles and one of modules."""
    styles = b"".join(by_name[name].content for name in STYLES_OF_FRAME)
    sources = {n: f.content.decode() for n, f in by_name.items() if n.endswith(".js")}
    joined = {
        name: make_file(text.encode(), MEDIA_TYPES[".js"])
        for name, text in join_modules(sources).items()
        if text != sources[name]
    }
    return joined | {STYLES: make_file(styles, MEDIA_TYPES[".css"])}


def _currencies() -> File:
    table = json.dumps(dict(sorted(CURRENCY_DIGITS.items())))
    content = f"// ISO 4217: decimals of each currency.\nexport default {table};\n".encode()
    return make_file(content, MEDIA_TYPES[".js"])


def _media_type(path: Path) -> str:
    return (
        MEDIA_TYPES.get(path.suffix)
        or mimetypes.guess_type(path.name)[0]
        or "application/octet-stream"
    )


@lru_cache(maxsize=1)
def cached_files() -> Files:
    return read_files()
