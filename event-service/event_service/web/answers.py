"""How a page or a file of it is answered: compressed, revalidated, and with a policy."""

from fastapi import Request

from event_service.web.files import File
from event_service.web.origins import Origins
from service_kit.web.auth import SharedResponse
from service_kit.web.encodings import takes_gzip

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
# A page is in the language that is chosen or asked for, and its head tells whether somebody is signed in.
PAGE_VARY = ", Accept-Language, Cookie"
# A file that is opened by itself, such as a picture with a script in it, runs nothing.
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'"


def respond(request: Request, file: File, cache_control: str, *, vary: str = "") -> SharedResponse:
    """304 if the client has it already. Nothing in these files is secret, so that their length tells nothing
    (BREACH); behind the gateway they come compressed to it."""
    is_compressed = bool(file.gzipped) and takes_gzip(request)
    # The same content in another encoding is another representation (RFC 9110, 8.8.3.3).
    etag = file.etag.removesuffix('"') + '-gzip"' if is_compressed else file.etag
    headers = {"ETag": etag, "Cache-Control": cache_control}
    headers["Vary"] = f"Accept-Encoding{vary}"
    if etag in request.headers.get("if-none-match", ""):
        return SharedResponse(status_code=304, headers=headers)
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    content = file.gzipped if is_compressed else file.content
    return SharedResponse(content, headers=headers, media_type=file.media_type)


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
            # The search without scripts.
            "form-action 'self'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "require-trusted-types-for 'script'",
            # The service worker of one's bookings (``offline-page.js``), and no other script.
            "trusted-types bookings",
        )
    )
