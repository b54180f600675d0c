"""The files of the web page, read from ``event-service/web``.

A file's URL contains a hash of all files: browsers cache it for good, and a module that imports its
neighbour by a relative path always gets the one of the same release.
"""

import hashlib
import json
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from service_kit.money import CURRENCY_DIGITS

# Beside the package, in the repository as in the image.
FOLDER = Path(__file__).parents[2] / "web"
INDEX = "index.html"
# A generated module: the currencies and the number of their decimals. Browsers have other tables.
CURRENCIES = "currencies.js"
HASH_CHARACTERS = 16

# The tables of media types differ from machine to machine.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}


@dataclass(frozen=True)
class File:
    content: bytes
    media_type: str
    etag: str


@dataclass(frozen=True)
class Files:
    release: str
    by_name: dict[str, File]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:HASH_CHARACTERS]


def read_files() -> Files:
    """All files by their path below FOLDER; no other path is served."""
    by_name = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            name = path.relative_to(FOLDER).as_posix()
            by_name[name] = File(content, _media_type(path), f'"{digest(content)}"')
    by_name[CURRENCIES] = _currencies()
    release = digest("".join(f"{name}{file.etag}" for name, file in by_name.items()).encode())
    return Files(release, by_name)


def _currencies() -> File:
    table = json.dumps(dict(sorted(CURRENCY_DIGITS.items())))
    content = f"// ISO 4217: decimals of each currency.\nexport default {table};\n".encode()
    return File(content, MEDIA_TYPES[".js"], f'"{digest(content)}"')


def _media_type(path: Path) -> str:
    return (
        MEDIA_TYPES.get(path.suffix)
        or mimetypes.guess_type(path.name)[0]
        or "application/octet-stream"
    )


@lru_cache(maxsize=1)
def cached_files() -> Files:
    return read_files()
