"""The page's files, and what browsers and search engines ask for by its name."""

import asyncio
import json
from functools import lru_cache
from typing import Annotated

from fastapi import Depends, Request, Response

from event_service.deps import SettingsDep
from event_service.events.pages import PagesDep
from event_service.events.sitemap import MAX_FILES
from event_service.web.answers import FILE_POLICY, IMMUTABLE, REVALIDATE, respond
from event_service.web.files import File, Files, cached_files, make_file, read_files
from event_service.web.paths import VIEWS
from service_kit.problems import NotFound
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

METHODS = ["GET", "HEAD"]
ICON_SIZES = (192, 512)
# In other views, which are one's own, there is nothing for a search engine.
PUBLIC_VIEWS = {"contact", "privacy"}

router = Router(include_in_schema=False)


async def get_files(settings: SettingsDep) -> Files:
    """Read anew for each request in development; elsewhere files do not change."""
    return await asyncio.to_thread(read_files) if settings.is_development else cached_files()


FilesDep = Annotated[Files, Depends(get_files)]


@router.api_route("/static/{path:path}", methods=METHODS)
@limited("static")
async def get_file(path: str, request: Request, files: FilesDep) -> Response:
    release, _, name = path.partition("/")
    # During a rolling update a page of one release may ask a process of the other.
    return _file(request, files, name, IMMUTABLE if release == files.release else REVALIDATE)


@router.api_route("/favicon.ico", methods=METHODS)
@limited("static")
async def get_icon(request: Request, files: FilesDep) -> Response:
    return _file(request, files, "favicon.ico", REVALIDATE)


def _file(request: Request, files: Files, name: str, cache_control: str) -> Response:
    file = files.served.get(name)
    if file is None:
        raise NotFound
    response = respond(request, file, cache_control)
    response.headers["Content-Security-Policy"] = FILE_POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@router.api_route("/manifest.webmanifest", methods=METHODS)
@limited("static")
async def get_manifest(request: Request, files: FilesDep) -> Response:
    """What an installed page is called, and looks like before it is drawn."""
    icons = [
        {
            "src": f"/static/{files.release}/icon-{size}.png",
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": purpose,
        }
        for size in ICON_SIZES
        for purpose in ("any", "maskable")
    ]
    manifest = {
        "id": "/",
        "name": "Parterre",
        "short_name": "Parterre",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#faf6f0",
        "theme_color": "#faf6f0",
        "icons": icons,
    }
    return respond(
        request, make_file(json.dumps(manifest).encode(), "application/manifest+json"), REVALIDATE
    )


@router.api_route("/robots.txt", methods=METHODS)
@limited("static")
async def get_robots(request: Request, settings: SettingsDep) -> Response:
    lines = ["User-agent: *", *(f"Disallow: /{path}" for path in sorted(VIEWS - PUBLIC_VIEWS))]
    lines += ["", f"Sitemap: {settings.public_url}/sitemap.xml", ""]
    return respond(
        request, make_file("\n".join(lines).encode(), "text/plain; charset=utf-8"), REVALIDATE
    )


@router.api_route("/sitemap.xml", methods=METHODS)
async def get_sitemaps(request: Request, settings: SettingsDep, pages: PagesDep) -> Response:
    """The list of the sitemaps: one for so many events of the public list."""
    content = await pages.sitemap(0, settings.public_url)
    return await _respond_xml(request, content)


@router.api_route("/sitemap-{number:int}.xml", methods=METHODS)
async def get_sitemap(
    number: int, request: Request, settings: SettingsDep, pages: PagesDep
) -> Response:
    is_one = 0 < number <= MAX_FILES
    content = await pages.sitemap(number, settings.public_url) if is_one else b""
    if not content:
        raise NotFound
    return await _respond_xml(request, content)


async def _respond_xml(request: Request, content: bytes) -> Response:
    """600 kB in a file of 5,000 events: compressed once, while others are served."""
    return respond(request, await asyncio.to_thread(_xml_file, content), REVALIDATE)


@lru_cache(maxsize=4)
def _xml_file(content: bytes) -> File:
    return make_file(content, "application/xml")
