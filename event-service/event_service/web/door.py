"""The page of a door at ``/events/{id}/door``: a document of its own, which is installed and opens without
a network.

It has what the other pages do without: a worker that reads codes, a service worker, the camera.
"""

import json
import re
from functools import lru_cache

from fastapi import Request, Response

from event_service.web.answers import (
    IMMUTABLE,
    PAGE_VARY,
    REVALIDATE,
    content_security_policy,
    respond,
)
from event_service.web.files import PLAIN, File, Files, make_file
from event_service.web.frame import FrameDep
from event_service.web.origins import Origins
from event_service.web.page_worker import (
    LOCALES,
    beside,
    make_worker,
    respond_with_worker,
    styles_need,
    with_all_needed,
)
from event_service.web.pages import render
from event_service.web.paths import is_id
from event_service.web.static import METHODS, FilesDep
from service_kit.problems import NotFound
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

ENTRY = "door/app.js"
STYLES = ("base.css", "controls.css", "parts.css", "door/door.css")
ICON = "icon.svg"
WORKER = "door/decode-worker.js"
# WebAssembly is compiled in the worker, and nowhere else.
WORKER_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self';"
    " frame-ancestors 'none'"
)
# What a module imports, and what it names by ``new URL("...", import.meta.url)``.
_IMPORT = re.compile(r"""(?:(?:from|import)\s*\(?\s*["']|new URL\(")(\.\.?/[^"']+)["']""")

router = Router(include_in_schema=False)


@router.api_route("/events/{event_id}/door", methods=METHODS)
@limited("static")
async def get_door_page(event_id: str, request: Request, frame: FrameDep) -> Response:
    values = {
        "event_id": _path_id(event_id),
        "static": f"/static/{frame.files.release}/{PLAIN}",
        "styles": STYLES,
        "icon_file": ICON,
        "module": ENTRY,
    }
    page = render(frame, "door.html", values=lambda: values)
    response = respond(request, page, REVALIDATE, vary=PAGE_VARY)
    response.headers["Content-Security-Policy"] = door_security_policy(frame.origins)
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(self), screen-wake-lock=(self), microphone=()"
    return response


@router.api_route("/events/{event_id}/door/manifest.webmanifest", methods=METHODS)
@limited("static")
async def get_door_manifest(event_id: str, request: Request, files: FilesDep) -> Response:
    """A phone may have several events' doors installed. The link's token is not in here: the phone has it."""
    address = f"/events/{_path_id(event_id)}/door"
    icon = f"/static/{files.release}/{ICON}"
    manifest = {
        "id": address,
        "name": "Parterre door",
        "short_name": "Door",
        "start_url": address,
        "scope": address,
        "display": "standalone",
        "background_color": "#17121a",
        "theme_color": "#17121a",
        "icons": [{"src": icon, "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    }
    file = make_file(json.dumps(manifest).encode(), "application/manifest+json")
    return respond(request, file, REVALIDATE)


@router.api_route("/door-worker.js", methods=METHODS)
@limited("static")
async def get_service_worker(request: Request, files: FilesDep) -> Response:
    return respond_with_worker(request, _service_worker(files))


@router.api_route("/events/{event_id}/door/static/{path:path}", methods=METHODS)
@limited("static")
async def get_worker_file(event_id: str, path: str, request: Request, files: FilesDep) -> Response:
    """The decoder, at an address for which the page's service worker answers without a network."""
    release, _, name = path.partition("/")
    name = name.removeprefix(PLAIN)
    _path_id(event_id)
    if name not in worker_files(files):
        raise NotFound
    cache_control = IMMUTABLE if release == files.release else REVALIDATE
    response = respond(request, files.by_name[name], cache_control)
    response.headers["Content-Security-Policy"] = WORKER_POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def door_security_policy(origins: Origins) -> str:
    """As the other pages', with a policy of Trusted Types for the addresses of the two workers."""
    policy = content_security_policy(origins)
    return policy.replace("trusted-types bookings", "trusted-types door") + "; worker-src 'self'"


@lru_cache(maxsize=1)
def _service_worker(files: Files) -> File:
    return make_worker(
        files,
        name="door",
        folder=PLAIN,
        entry=ENTRY,
        page_files=page_files(files),
        worker_files=worker_files(files),
    )


def page_files(files: Files) -> list[str]:
    """What the page needs without a network: what it links to, and what that imports."""
    return _with_all_needed(files, [ENTRY, ICON, *STYLES, *LOCALES])


@lru_cache(maxsize=1)
def worker_files(files: Files) -> list[str]:
    return _with_all_needed(files, [WORKER])


def _with_all_needed(files: Files, names: list[str]) -> list[str]:
    finders = {".js": _module_needs, ".css": styles_need}
    return with_all_needed(files.by_name, names, finders)


def _module_needs(name: str, text: str) -> list[str]:
    return beside(name, _IMPORT.findall(text))


def _path_id(text: str) -> str:
    """As the API writes ids: it is part of the page and of its scope."""
    if not is_id(text):
        raise NotFound
    return text
