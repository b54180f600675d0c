"""As much of a registry as ``docker push`` asks for, on loopback and for a moment."""

import hashlib
import http.server
import io
import json
import re
import secrets
from collections.abc import Callable, Collection, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from deployment.digest_cache import DigestCache, is_digest
from deployment.pushed_image import EngineRefuses, PushedImage

REPOSITORY = "parterre"
CHUNK_BYTES = 1 << 20
# A manifest or a configuration; layers go to disk.
MAX_DOCUMENT_BYTES = 4 << 20
# Of the line that tells the size of a chunk.
MAX_LINE_BYTES = 1024
# An engine that says nothing for so long has gone.
IDLE_SECONDS = 120.0
_BLOB = re.compile(rf"/v2/{REPOSITORY}/blobs/(sha256:[0-9a-f]{{64}})")
_UPLOAD = re.compile(rf"/v2/{REPOSITORY}/blobs/uploads/([0-9a-f]{{32}})(?:\?digest=(.+))?")
_MANIFEST = re.compile(rf"/v2/{REPOSITORY}/manifests/([a-z0-9-]+)")


class LayerRegistry(http.server.ThreadingHTTPServer):
    """Says of layers that the other host has that they are there, and takes the others."""

    daemon_threads = True

    def __init__(self, folder: Path, cache: DigestCache, needed: Collection[str]) -> None:
        """``needed``: diff ids of the layers that are to be read; ``folder`` takes what comes."""
        super().__init__(("127.0.0.1", 0), _Answer)
        self.folder = folder
        self.cache = cache
        self.needed = needed
        self.manifests: dict[str, bytes] = {}
        # Digests of what came, whether it was needed or not.
        self.received: set[str] = set()

    @property
    def name(self) -> str:
        """What stands before the ``:`` of an image's name to push it here."""
        return f"127.0.0.1:{self.server_port}/{REPOSITORY}"

    def has(self, digest: str) -> bool:
        """What is said of a layer: yes if it came already, or if the host is known to have it."""
        layer = self.cache.layer(digest)
        return digest in self.received or (layer is not None and layer not in self.needed)

    def blob(self, digest: str) -> Path:
        return self.folder / digest.removeprefix("sha256:")

    def image(self, tag: str, id_: str) -> PushedImage:
        """What was pushed as ``tag``. Raises EngineRefuses if it is not whole, or not the image ``id_``:
        an id is the sum of the configuration, which names the sums of the layers."""
        try:
            manifest = json.loads(self.manifests[tag])
            config = manifest["config"]["digest"]
            digests = [layer["digest"] for layer in manifest["layers"]]
            if not all(map(is_digest, (config, *digests))):
                raise ValueError("a digest that is none")
            configuration = self.blob(config).read_bytes()
            if f"sha256:{hashlib.sha256(configuration).hexdigest()}" != id_:
                raise EngineRefuses("docker push sent another image than was asked for")
            layers = json.loads(configuration)["rootfs"]["diff_ids"]
            by_digest = dict(zip(digests, layers, strict=True))
        except (KeyError, TypeError, ValueError, OSError, RecursionError) as error:
            raise EngineRefuses(f"docker push sent no image that can be read: {error!r}") from None
        files = {by_digest[one]: self.blob(one) for one in digests if one in self.received}
        if missing := (set(layers) & set(self.needed)) - set(files):
            raise EngineRefuses(f"docker push has left out {len(missing)} layers")
        image = PushedImage(configuration, layers, files)
        image.check_files()
        self.cache.learn({one: by_digest[one] for one in digests if one in self.received})
        return image

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that broke; ``docker push`` tells what it could not send."""


class _BadRequest(ValueError):
    """What was asked is answered with 400, and the connection is closed."""


class _Answer(http.server.BaseHTTPRequestHandler):
    """The requests of ``docker push``, and of the distribution specification's push."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: LayerRegistry

    def log_message(self, *_: object) -> None:
        """Nobody reads it, and the engine tries TLS first."""

    def do_GET(self) -> None:
        self._answer(200 if self.path.rstrip("/") == "/v2" else 404)

    def do_HEAD(self) -> None:
        blob = _BLOB.fullmatch(self.path)
        self._answer(200 if blob and self.server.has(blob[1]) else 404)

    def do_POST(self) -> None:
        self._take(self._begin_upload)

    def do_PATCH(self) -> None:
        self._take(self._continue_upload)

    def do_PUT(self) -> None:
        self._take(self._put_manifest if _MANIFEST.fullmatch(self.path) else self._end_upload)

    def _begin_upload(self) -> None:
        self._read(io.BytesIO(), MAX_DOCUMENT_BYTES)
        self._answer(202, Location=f"/v2/{REPOSITORY}/blobs/uploads/{secrets.token_hex(16)}")

    def _continue_upload(self) -> None:
        with self._upload()[0].open("ab") as file:
            self._read(file)
            size = file.tell()
        self._answer(202, Location=self.path, Range=f"0-{max(size - 1, 0)}")

    def _put_manifest(self) -> None:
        manifest = _MANIFEST.fullmatch(self.path)
        assert manifest is not None
        body = io.BytesIO()
        self._read(body, MAX_DOCUMENT_BYTES)
        self.server.manifests[manifest[1]] = body.getvalue()
        self._created(f"sha256:{hashlib.sha256(body.getvalue()).hexdigest()}")

    def _end_upload(self) -> None:
        file, digest = self._upload()
        if not is_digest(digest):
            raise _BadRequest("no digest")
        with file.open("ab") as rest:
            self._read(rest)
        with file.open("rb") as whole:
            found = hashlib.file_digest(whole, "sha256").hexdigest()
        if f"sha256:{found}" != digest:
            file.unlink()
            raise _BadRequest("the content has another digest")
        file.replace(self.server.blob(digest))
        self.server.received.add(digest)
        self._created(digest)

    def _upload(self) -> tuple[Path, str]:
        """The file that takes it, and its digest if that is told already."""
        upload = _UPLOAD.fullmatch(self.path)
        if not upload:
            raise _BadRequest("no such place")
        return self.server.folder / upload[1], unquote(upload[2] or "")

    def _take(self, work: Callable[[], None]) -> None:
        """Whatever is wrong with a request, its thread answers."""
        try:
            work()
        except ConnectionError:
            self.close_connection = True
        except (ValueError, TypeError, KeyError) as error:
            self._refuse(HTTPStatus.BAD_REQUEST, error)
        except OSError as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, error)

    def _refuse(self, status: HTTPStatus, error: Exception) -> None:
        """What is left of the body is not read: the connection ends."""
        self.close_connection = True
        errors = [{"code": "UNKNOWN", "message": str(error)}]
        self._answer(status, json.dumps({"errors": errors}).encode(), Connection="close")

    def _created(self, digest: str) -> None:
        self._answer(
            201,
            Location=f"/v2/{REPOSITORY}/blobs/{digest}",
            Docker_Content_Digest=digest,
        )

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _read(self, target: IO[bytes], most: int | None = None) -> None:
        """The request's body; raises ValueError where it is longer than ``most``, or not whole."""
        for size in self._sizes():
            if most is not None and target.tell() + size > most:
                raise _BadRequest("a document that is too long")
            while size > 0:
                if not (part := self.rfile.read(min(size, CHUNK_BYTES))):
                    raise _BadRequest("the body ends early")
                target.write(part)
                size -= len(part)

    def _sizes(self) -> Iterator[int]:
        """Sizes of the parts of the body, each of which is to be read before the next is asked for."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            yield self._size(self.headers.get("Content-Length") or "0", 10)
            return
        while size := self._size(self._line().split(b";")[0].decode("ascii").strip(), 16):
            yield size
            self._end_of_line()
        # No engine sends trailers.
        self._end_of_line()

    def _size(self, text: str, base: int) -> int:
        if not text.isalnum():
            raise _BadRequest("no size of a body")
        return int(text, base)

    def _line(self) -> bytes:
        return self.rfile.readline(MAX_LINE_BYTES)

    def _end_of_line(self) -> None:
        if self._line() not in (b"\r\n", b"\n"):
            raise _BadRequest("the body ends early")
