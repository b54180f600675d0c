"""The layers that a host lacks, read from this machine's engine without ``docker save``.

``docker save`` writes all layers of an image, and there is no other command that gives one of them. But
``docker push`` asks a registry for each layer that it has pushed before whether it is there, and sends
those only that are not. So a registry of our own, on loopback and for a moment, says of the layers that
the host has that they are there, and takes the others. What an engine has never pushed anywhere it sends
without asking: that costs once as much as ``docker save``.
"""

import hashlib
import http.server
import io
import json
import os
import re
import secrets
import tarfile
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from deployment.engine import run
from deployment.errors import CommandFailed

REPOSITORY = "parterre"
PUSH_SECONDS = 900.0
CHUNK_BYTES = 1 << 20
# A manifest or a configuration; layers go to disk.
MAX_DOCUMENT_BYTES = 4 << 20
KEPT_DIGESTS = 2000
_BLOB = re.compile(rf"/v2/{REPOSITORY}/blobs/(sha256:[0-9a-f]{{64}})")
_UPLOAD = re.compile(rf"/v2/{REPOSITORY}/blobs/uploads/([0-9a-f]{{32}})(?:\?digest=(.+))?")
_MANIFEST = re.compile(rf"/v2/{REPOSITORY}/manifests/([a-z0-9-]+)")


class EngineRefuses(CommandFailed):
    """This machine's engine does not push to us, or not what was asked for."""


class Ledger:
    """Which layer a digest of a registry means: the sum of a packed layer to that of its files.

    It is only a memory: without it an engine sends everything once more.
    """

    def __init__(self, file: Path | None = None) -> None:
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self._file = file or Path(cache) / "parterre" / "layers.json"
        self._layers: dict[str, str] = {}
        with suppress(OSError, ValueError):
            self._layers = dict(json.loads(self._file.read_text()))

    def layer(self, digest: str) -> str | None:
        """The layer's diff id, None if the digest is not known."""
        return self._layers.get(digest)

    def learn(self, layers: Mapping[str, str]) -> None:
        """Digest to diff id; written at once."""
        known = {digest: one for digest, one in self._layers.items() if digest not in layers}
        self._layers = dict([*known.items(), *layers.items()][-KEPT_DIGESTS:])
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new = self._file.with_name(f"{self._file.name}.{os.getpid()}")
            new.write_text(json.dumps(self._layers))
            new.replace(self._file)


@dataclass(frozen=True)
class ReadImage:
    """An image's configuration, byte by byte, the diff ids of its layers, and by diff id the file of
    each layer that was read."""

    configuration: bytes
    layers: list[str]
    files: dict[str, Path]


class LayerRegistry(http.server.ThreadingHTTPServer):
    """As much of a registry as ``docker push`` asks for, on a free port of loopback."""

    daemon_threads = True

    def __init__(self, folder: Path, ledger: Ledger, needed: Collection[str]) -> None:
        """``needed``: diff ids of the layers that are to be read; ``folder`` takes what comes."""
        super().__init__(("127.0.0.1", 0), _Answer)
        self.folder = folder
        self.ledger = ledger
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
        layer = self.ledger.layer(digest)
        return digest in self.received or (layer is not None and layer not in self.needed)

    def blob(self, digest: str) -> Path:
        return self.folder / digest.removeprefix("sha256:")

    def read_image(self, tag: str) -> ReadImage:
        """What was pushed as ``tag``. Raises EngineRefuses if it is not whole, or not one image."""
        try:
            manifest = json.loads(self.manifests[tag])
            configuration = self.blob(manifest["config"]["digest"]).read_bytes()
            digests = [layer["digest"] for layer in manifest["layers"]]
            layers = json.loads(configuration)["rootfs"]["diff_ids"]
            known = dict(zip(digests, layers, strict=True))
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise EngineRefuses(f"docker push sent no image that can be read: {error!r}") from None
        self.ledger.learn({one: known[one] for one in digests if one in self.received})
        files = {known[one]: self.blob(one) for one in digests if one in self.received}
        if missing := (set(layers) & set(self.needed)) - set(files):
            raise EngineRefuses(f"docker push has left out {len(missing)} layers")
        return ReadImage(configuration, layers, files)


class _Answer(http.server.BaseHTTPRequestHandler):
    """The requests of ``docker push``, and of the distribution specification's push."""

    protocol_version = "HTTP/1.1"
    server: LayerRegistry

    def log_message(self, *_: object) -> None:
        """Nobody reads it, and the engine tries TLS first."""

    def do_GET(self) -> None:
        self._answer(200 if self.path.rstrip("/") == "/v2" else 404)

    def do_HEAD(self) -> None:
        blob = _BLOB.fullmatch(self.path)
        self._answer(200 if blob and self.server.has(blob[1]) else 404)

    def do_POST(self) -> None:
        self._read(io.BytesIO(), MAX_DOCUMENT_BYTES)
        self._answer(202, Location=f"/v2/{REPOSITORY}/blobs/uploads/{secrets.token_hex(16)}")

    def do_PATCH(self) -> None:
        if not (upload := _UPLOAD.fullmatch(self.path)):
            self._refuse()
            return
        with (self.server.folder / upload[1]).open("ab") as file:
            self._read(file)
            size = file.tell()
        self._answer(202, Location=self.path, Range=f"0-{max(size - 1, 0)}")

    def do_PUT(self) -> None:
        if manifest := _MANIFEST.fullmatch(self.path):
            body = io.BytesIO()
            self._read(body, MAX_DOCUMENT_BYTES)
            self.server.manifests[manifest[1]] = body.getvalue()
            self._created(f"sha256:{hashlib.sha256(body.getvalue()).hexdigest()}")
            return
        upload = _UPLOAD.fullmatch(self.path)
        digest = (upload[2] or "").replace("%3A", ":") if upload else ""
        if not upload or not re.fullmatch("sha256:[0-9a-f]{64}", digest):
            self._refuse()
            return
        file = self.server.folder / upload[1]
        with file.open("ab") as rest:
            self._read(rest)
        file.replace(self.server.blob(digest))
        self.server.received.add(digest)
        self._created(digest)

    def _created(self, digest: str) -> None:
        self._answer(
            201,
            Location=f"/v2/{REPOSITORY}/blobs/{digest}",
            Docker_Content_Digest=digest,
        )

    def _refuse(self) -> None:
        self.close_connection = True
        self._answer(400)

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _read(self, target: IO[bytes], most: int | None = None) -> None:
        """The request's body; raises ValueError where it is longer than ``most``."""
        for size in self._sizes():
            if most is not None and target.tell() + size > most:
                raise ValueError("a document that is too long")
            while size > 0 and (part := self.rfile.read(min(size, CHUNK_BYTES))):
                target.write(part)
                size -= len(part)

    def _sizes(self) -> Iterator[int]:
        """Sizes of the parts of the body, each of which is to be read before the next is asked for."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            yield int(self.headers.get("Content-Length") or 0)
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield size
            self.rfile.readline()
        self.rfile.readline()


@contextmanager
def read_layers(
    images: Mapping[str, tuple[str, list[str]]], needed: Collection[str], ledger: Ledger
) -> Iterator[dict[str, ReadImage]]:
    """Images by name with their ``needed`` layers, whose files are there until the end of the block.

    ``images``: id and layers by name. Raises EngineRefuses where the engine does not push to us, such
    as one on another machine, or where what it sends is not the image that was asked for.
    """
    with tempfile.TemporaryDirectory() as folder:
        registry = LayerRegistry(Path(folder), ledger, needed)
        thread = threading.Thread(target=registry.serve_forever, daemon=True)
        thread.start()
        try:
            yield {
                image: _read_image(registry, image, id_, f"image-{number}")
                for number, (image, (id_, _)) in enumerate(images.items())
            }
        finally:
            registry.shutdown()
            registry.server_close()


def _read_image(registry: LayerRegistry, image: str, id_: str, tag: str) -> ReadImage:
    name = f"{registry.name}:{tag}"
    run(["docker", "tag", id_, name], seconds=60)
    try:
        run(["docker", "push", "--quiet", name], seconds=PUSH_SECONDS, with_errors=True)
    except CommandFailed as error:
        raise EngineRefuses(str(error)) from None
    finally:
        run(["docker", "rmi", name], seconds=60, is_checked=False)
    read = registry.read_image(tag)
    # An id is the sum of the configuration, which names the sums of the layers.
    if f"sha256:{hashlib.sha256(read.configuration).hexdigest()}" != id_:
        raise EngineRefuses(f"docker push sent another image than {image}")
    return read


def write_archive(
    target: IO[bytes], images: Mapping[str, ReadImage], needed: Collection[str]
) -> int:
    """An archive for ``docker load`` of images by name, of whose layers it has those that are needed;
    its size in bytes."""
    manifest: list[dict[str, Any]] = []
    with tarfile.open(fileobj=target, mode="w") as tar:
        written: set[str] = set()
        for name, image in images.items():
            configuration = f"{hashlib.sha256(image.configuration).hexdigest()}.json"
            paths = [f"{layer.removeprefix('sha256:')}/layer.tar" for layer in image.layers]
            manifest.append({"Config": configuration, "RepoTags": [name], "Layers": paths})
            if configuration not in written:
                _add(tar, configuration, image.configuration)
                written.add(configuration)
            for layer, path in zip(image.layers, paths, strict=True):
                if layer in needed and path not in written:
                    tar.add(image.files[layer], arcname=path, filter=_without_owner)
                    written.add(path)
        _add(tar, "manifest.json", json.dumps(manifest).encode())
    return target.tell()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
