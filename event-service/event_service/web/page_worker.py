"""Service workers, by which pages open without a network: an event's door, and one's bookings.

They are one script with different lists (``page-worker.js``). Each has a scope and caches of its own.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from posixpath import dirname, join, normpath

from fastapi import Request, Response

from event_service.web.answers import REVALIDATE, respond
from event_service.web.files import MEDIA_TYPES, STYLES, File, Files, make_file
from event_service.web.language import LANGUAGES
from event_service.web.static import METHODS, FilesDep
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

SCRIPT = "page-worker.js"
POLICY = "default-src 'none'; connect-src 'self'"
# Which of them is asked for is not written in the modules.
LOCALES = tuple(f"locales/{language}.js" for language in LANGUAGES)
BOOKING_VIEWS = ("views/booking.js", "views/bookings.js")

# The names that stand in a file of a kind, such as ``{".js": ...}``.
Finders = Mapping[str, Callable[[str, str], list[str]]]

# What a module imports when it is loaded, and the styles that a view adds.
_IMPORT = re.compile(r"""^(?:import|export)\b[^"'(;]*["'](\.\.?/[^"']+)["']""", re.M)
_ADDED_STYLES = re.compile(r'\baddStyles\("([^"]+)"\)')
_STYLE_FILE = re.compile(r'url\("([^":]+)"\)')

router = Router(include_in_schema=False)


@router.api_route("/bookings-worker.js", methods=METHODS)
@limited("static")
async def get_bookings_worker(request: Request, files: FilesDep) -> Response:
    return respond_with_worker(request, _bookings_worker(files))


@lru_cache(maxsize=1)
def _bookings_worker(files: Files) -> File:
    return make_worker(
        files, name="bookings", folder="", entry="app.js", page_files=booking_files(files)
    )


def make_worker(
    files: Files,
    *,
    name: str,
    folder: str,
    entry: str,
    page_files: Sequence[str],
    worker_files: Sequence[str] = (),
) -> File:
    """A worker for the page that begins with the module ``entry``; names are below the release's ``folder``.

    It is served at the root, since its scope lies beside ``/static``. Another release is another script:
    browsers see that, and take its files."""
    lists = {"files": page_files, "worker_files": worker_files}
    content = files.by_name[SCRIPT].content.decode()
    for key, names in lists.items():
        content = content.replace(f'["{{{key}}}"]', json.dumps(list(names)))
    values = {
        "name": name,
        "static": f"/static/{files.release}/{folder}",
        "entry": entry,
        "release": files.release,
    }
    for key, value in values.items():
        content = content.replace(f"{{{key}}}", value)
    return make_file(content.encode(), MEDIA_TYPES[".js"])


def respond_with_worker(request: Request, worker: File) -> Response:
    response = respond(request, worker, REVALIDATE)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def booking_files(files: Files) -> list[str]:
    """What shows one's bookings without a network: the frame, their views, and the styles of these. Views
    that are loaded when somebody opens them are left out."""
    roots = ["app.js", STYLES, *LOCALES, *BOOKING_VIEWS]
    return with_all_needed(files.served, roots, {".js": _module_needs, ".css": styles_need})


def with_all_needed(table: Mapping[str, File], names: Sequence[str], finders: Finders) -> list[str]:
    """The names, what their files name, what the files of these name, and so on."""
    waiting, found = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if finder := finders.get(PurePosixPath(name).suffix):
            waiting += finder(name, table[name].content.decode())
    return sorted(found)


def beside(name: str, targets: Sequence[str]) -> list[str]:
    """Relative paths in the file ``name``, as names."""
    return [normpath(join(dirname(name), target)) for target in targets]


def styles_need(name: str, text: str) -> list[str]:
    return beside(name, _STYLE_FILE.findall(text))


def _module_needs(name: str, text: str) -> list[str]:
    # Styles are named from the release's folder (``styles.js``).
    return beside(name, _IMPORT.findall(text)) + _ADDED_STYLES.findall(text)
