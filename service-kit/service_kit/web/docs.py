"""``/docs``: the API's documentation in the browser, from files that are shipped with the service.

FastAPI's own page loads an unpinned script from another host.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

from fastapi import Request, Response

from service_kit.problems import NotFound
from service_kit.web.auth import Router, SharedResponse
from service_kit.web.encodings import takes_gzip

FOLDER = Path(__file__).parent / "vendored"
FILES_PATH = "/docs/files"
SWAGGER = f"{FILES_PATH}/swagger-ui-5.35.0"
GRAPHIQL = f"{FILES_PATH}/graphiql-3.8.3"
# A file's address names its release.
FOR_GOOD = "public, max-age=31536000, immutable"
MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

START = """\
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
    layout: "BaseLayout",
    // The validator is another host's.
    validatorUrl: null,
  });
});
"""
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{swagger}/swagger-ui.css">
<script src="{swagger}/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</head>
<body><div id="swagger-ui"></div></body>
</html>
"""
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # Swagger UI writes styles while one unfolds it.
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@dataclass(frozen=True)
class VendoredFile:
    compressed: bytes
    media_type: str
    sha384: bytes

    @property
    def content(self) -> bytes:
        return gzip.decompress(self.compressed)


@lru_cache(maxsize=1)
def vendored_files() -> dict[str, VendoredFile]:
    """By their path below the folder, without ``.gz``; nothing else is served."""
    files = {}
    for path in sorted(FOLDER.glob("*/*.gz")):
        name = path.relative_to(FOLDER).as_posix().removesuffix(".gz")
        compressed = path.read_bytes()
        digest = hashlib.sha384(gzip.decompress(compressed)).digest()
        files[name] = VendoredFile(compressed, MEDIA_TYPES[Path(name).suffix], digest)
    return files


router = Router(include_in_schema=False)


@router.get("/docs")
async def show_docs(request: Request) -> Response:
    page = PAGE.format(title=escape(request.app.title), swagger=SWAGGER)
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
    return SharedResponse(page, headers=headers, media_type="text/html")


@router.get("/docs/start.js")
async def get_start_script() -> Response:
    headers = {"Cache-Control": "no-cache"}
    return SharedResponse(START, headers=headers, media_type=MEDIA_TYPES[".js"])


@router.get(FILES_PATH + "/{folder}/{name}")
async def get_vendored_file(folder: str, name: str, request: Request) -> Response:
    file = vendored_files().get(f"{folder}/{name}")
    if file is None:
        raise NotFound
    headers = {"Cache-Control": FOR_GOOD, "Vary": "Accept-Encoding"}
    if not takes_gzip(request):
        return SharedResponse(file.content, headers=headers, media_type=file.media_type)
    headers["Content-Encoding"] = "gzip"
    return SharedResponse(file.compressed, headers=headers, media_type=file.media_type)
