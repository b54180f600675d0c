"""This machine's engine as far as it pushes, and a host that notes what is loaded there."""

import gzip
import hashlib
import http.client
import io
import json
import shlex
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployment.digest_cache import DigestCache
from deployment.host import Host, HostState, RemoteImage
from deployment.push import read_layers
from deployment.steps import Steps

Images = dict[str, tuple[str, list[str]]]


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Pushing:
    """This machine's engine, as far as it pushes: it knows by which digests it has pushed its layers, and
    asks for these alone. ``sent``: diff ids of the layers that it has read and sent, in order."""

    images: dict[str, tuple[bytes, list[bytes]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    other_configuration: bytes = b""
    driver_status: str = '[["Backing Filesystem","extfs"]]'
    # What is pushed in place of a layer.
    other_layer: bytes = b""

    def add(self, name: str, *layers: bytes, version: str = "1") -> tuple[str, list[str]]:
        """Id and diff ids of a new image with these layers."""
        ids = [digest_of(layer) for layer in layers]
        rootfs = {"type": "layers", "diff_ids": ids}
        configuration = json.dumps({"rootfs": rootfs, "name": name, "version": version}).encode()
        id_ = digest_of(configuration)
        self.images[id_] = (configuration, list(layers))
        return id_, ids

    def run(self, command: Sequence[str], **_: Any) -> str:
        match list(command):
            case ["docker", "info", *_]:
                return self.driver_status
            case ["docker", "tag", id_, name]:
                self.names[name] = id_
            case ["docker", "push", "--quiet", name]:
                self.push(name)
            case ["docker", "rmi", name]:
                self.names.pop(name, "")
            case ["docker", "save", "--output", file, *names]:
                self.saved += names
                self.save(file, names)
            case other:
                raise AssertionError(other)
        return ""

    def save(self, file: str, names: list[str]) -> None:
        """Each layer once; where an image shares it, a link."""
        manifest: list[dict[str, Any]] = []
        with tarfile.open(file, "w") as tar:
            written: dict[bytes, str] = {}
            for name in names:
                [(configuration, layers)] = [
                    one for one in self.images.values() if json.loads(one[0])["name"] == name
                ]
                config = f"{digest_of(configuration)[7:]}.json"
                add(tar, config, configuration)
                paths = []
                for layer in layers:
                    paths.append(f"{name[:-2]}-{digest_of(layer)[7:]}/layer.tar")
                    if layer in written:
                        link = tarfile.TarInfo(paths[-1])
                        link.type, link.linkname = tarfile.SYMTYPE, f"../{written[layer]}"
                        tar.addfile(link)
                    else:
                        written[layer] = paths[-1]
                        add(tar, paths[-1], layer)
                manifest.append({"Config": config, "RepoTags": [name], "Layers": paths})
            add(tar, "manifest.json", json.dumps(manifest).encode())

    def push(self, name: str) -> None:
        address, _, rest = name.partition("/")
        repository, _, tag = rest.partition(":")
        configuration, layers = self.images[self.names[name]]
        configuration = self.other_configuration or configuration
        door = http.client.HTTPConnection(address, timeout=10)
        base = f"/v2/{repository}"
        assert ask(door, "GET", "/v2/").status == 200
        manifest: dict[str, Any] = {"config": {"digest": digest_of(configuration)}, "layers": []}
        for layer in layers:
            known = self.digests.get(digest_of(layer))
            if known and ask(door, "HEAD", f"{base}/blobs/{known}").status == 200:
                manifest["layers"].append({"digest": known})
                continue
            self.sent.append(digest_of(layer))
            packed = gzip.compress(self.other_layer or layer, mtime=0)
            self.digests[digest_of(layer)] = digest_of(packed)
            manifest["layers"].append({"digest": upload(door, base, packed, in_chunks=True)})
        upload(door, base, configuration, in_chunks=False)
        body = json.dumps(manifest).encode()
        assert ask(door, "PUT", f"{base}/manifests/{tag}", body).status == 201
        door.close()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def ask(
    door: http.client.HTTPConnection, method: str, path: str, body: Any = None
) -> http.client.HTTPResponse:
    door.request(method, path, body, encode_chunked=isinstance(body, io.BytesIO))
    answer = door.getresponse()
    answer.read()
    return answer


def upload(door: http.client.HTTPConnection, base: str, content: bytes, *, in_chunks: bool) -> str:
    """As Docker does: a place, the content, and its digest."""
    place = ask(door, "POST", f"{base}/blobs/uploads/").headers["Location"]
    if in_chunks:
        halves = content[: len(content) // 2], content[len(content) // 2 :]
        door.request("PATCH", place, iter(halves), encode_chunked=True, headers=CHUNKED)
        answer = door.getresponse()
        answer.read()
    else:
        answer = ask(door, "PATCH", place, content)
    assert answer.status == 202
    digest = digest_of(content)
    done = ask(door, "PUT", f"{answer.headers['Location']}?digest={digest.replace(':', '%3A')}")
    assert done.status == 201
    return digest


CHUNKED = {"Transfer-Encoding": "chunked"}
BASE, LIBRARIES, OLD, NEW = b"base" * 9000, b"libraries" * 900, b"old code", b"new code"


def push_once(engine: Pushing, images: Images, cache: DigestCache) -> None:
    """So that the engine and the cache know their digests."""
    with read_layers(images, {layer for _, layers in images.values() for layer in layers}, cache):
        pass
    engine.sent.clear()


def unpack(archive: io.BytesIO) -> tuple[list[str], Any]:
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        return tar.getnames(), json.load(file)


class Lines:
    """What steps say."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.steps = Steps(self._lines.append)

    @property
    def text(self) -> str:
        return "\n".join(self._lines)


class Receiver(Host):
    """A host that notes what is loaded, and has these ``images`` then; by ``script`` it loads."""

    def __init__(self, folder: Path, images: Images, *, script: str = "true") -> None:
        super().__init__("host")
        self.file = folder / "loaded.tar"
        self.scripts: list[str] = []
        self.loads = folder / "loads"
        self.script = script
        self.images = images
        self.driver_status = "[]"

    def command(self, script: str) -> list[str]:
        load = f"gzip -dc > {self.file}; echo >> {self.loads}; {self.script}"
        return ["sh", "-c", load]

    def run(self, script: str, *, seconds: float, stdin: bytes | None = None) -> str:
        self.scripts.append(script)
        if script.startswith("docker info"):
            return self.driver_status
        if script.startswith("docker image inspect"):
            names = shlex.split(script)[5:]
            found = [self.images[name] for name in names]
            return "".join(f"{id_} {json.dumps(layers)}\n" for id_, layers in found)
        return ""

    @property
    def count(self) -> int:
        """How often something was loaded."""
        return len(self.loads.read_text().splitlines()) if self.loads.exists() else 0


def state(*images: tuple[str, tuple[str, list[str]]]) -> HostState:
    there = [RemoteImage(id_, [name], layers) for name, (id_, layers) in images]
    return HostState("/home/x/parterre", True, "1", {}, 1 << 40, there)
