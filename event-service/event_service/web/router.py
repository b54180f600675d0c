"""The web page at its addresses, and its files."""

import asyncio
from typing import Annotated

from fastapi import Depends, Request, Response

from event_service.deps import IfNoneMatch, SettingsDep
from event_service.web.files import INDEX, File, Files, cached_files, digest, read_files
from event_service.web.origins import Origins, origins_for
from event_service.web.paths import is_id, is_view
from service_kit.problems import NotFound
from service_kit.web.auth import Router, SharedResponse
from service_kit.web.rate_limits import limited

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
# A file that is opened by itself, such as a picture with a script in it, runs nothing.
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'"

router = Router(include_in_schema=False)


async def get_files(settings: SettingsDep) -> Files:
    """Read anew for each request in development; elsewhere files do not change."""
    return await asyncio.to_thread(read_files) if settings.is_development else cached_files()


async def get_origins(request: Request, settings: SettingsDep) -> Origins:
    return origins_for(settings, request.url.hostname or "")


FilesDep = Annotated[Files, Depends(get_files)]
OriginsDep = Annotated[Origins, Depends(get_origins)]


@router.api_route("/static/{path:path}", methods=["GET", "HEAD"])
@limited("static")
async def get_file(path: str, files: FilesDep, if_none_match: IfNoneMatch = None) -> Response:
    release, _, name = path.partition("/")
    file = files.by_name.get(name)
    if file is None or name == INDEX:
        raise NotFound
    # During a rolling update a page of one release may ask a process of the other.
    cache_control = IMMUTABLE if release == files.release else REVALIDATE
    response = _respond(file, cache_control, if_none_match)
    response.headers["Content-Security-Policy"] = FILE_POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


@router.api_route("/", methods=["GET", "HEAD"])
@limited("static")
async def get_list_page(
    files: FilesDep, origins: OriginsDep, if_none_match: IfNoneMatch = None
) -> Response:
    return _page_response(files, origins, if_none_match)


@router.api_route("/events/{event_id}", methods=["GET", "HEAD"])
@limited("static")
async def get_event_page(
    event_id: str,
    request: Request,
    files: FilesDep,
    origins: OriginsDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    if not is_id(event_id):
        return _not_found(request, files, origins)
    return _page_response(files, origins, if_none_match)


@router.api_route("/{path:page}", methods=["GET", "HEAD"])
@limited("static")
async def get_view_page(
    path: str,
    request: Request,
    files: FilesDep,
    origins: OriginsDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Any other path: of a view, which the page draws by itself, or of nothing."""
    if is_view(path):
        return _page_response(files, origins, if_none_match)
    return _not_found(request, files, origins)


def _not_found(request: Request, files: Files, origins: Origins) -> Response:
    """To people a page that says so, with the way to the events; to programs a problem."""
    if "text/html" not in request.headers.get("accept", ""):
        raise NotFound
    response = _page_response(files, origins, None)
    response.status_code = 404
    return response


def _page_response(files: Files, origins: Origins, if_none_match: str | None) -> Response:
    file = _page(files, origins)
    response = _respond(file, REVALIDATE, if_none_match)
    response.headers["Content-Security-Policy"] = content_security_policy(origins)
    # A window that opened the page, or is opened by it, has no access to it.
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response


def _page(files: Files, origins: Origins) -> File:
    template = files.by_name[INDEX]
    content = (
        template.content.replace(b"{release}", files.release.encode())
        .replace(b"{auth}", origins.auth.encode())
        .replace(b"{notification}", origins.notification.encode())
    )
    return File(content, template.media_type, f'"{digest(content)}"')


def _respond(file: File, cache_control: str, if_none_match: str | None) -> Response:
    headers = {"ETag": file.etag, "Cache-Control": cache_control}
    if if_none_match and file.etag in if_none_match:
        return SharedResponse(status_code=304, headers=headers)
    return SharedResponse(file.content, headers=headers, media_type=file.media_type)


def content_security_policy(origins: Origins) -> str:
    """Trusted Types disable ``innerHTML`` and its like: what organizers write can only be text."""
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("connect-src 'self'", *origins.foreign)),
            # Mails, for superusers, in frames that run nothing.
            " ".join(filter(None, ("frame-src 'self'", origins.notification))),
            "img-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
