"""An image as ``docker push`` has sent it, and the archive for ``docker load`` that is made of it."""

import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from deployment.errors import CommandFailed

CHUNK_BYTES = 1 << 20


class EngineRefuses(CommandFailed):
    """This machine's engine does not push to us, or not what was asked for."""


@dataclass(frozen=True)
class PushedImage:
    """An image's configuration, byte by byte, the diff ids of its layers, and by diff id the file of
    each layer that was read, packed by gzip."""

    configuration: bytes
    layers: list[str]
    files: dict[str, Path]

    def check_files(self) -> None:
        """Raises EngineRefuses if a file is not the layer that it is taken for."""
        for layer, file in self.files.items():
            try:
                found = _diff_id(file)
            except (OSError, zlib.error) as error:
                raise EngineRefuses(
                    f"docker push sent a layer that is not whole: {error}"
                ) from None
            if found != layer:
                raise EngineRefuses("docker push sent another layer than the image has")


def _diff_id(file: Path) -> str:
    digest, unpacker = hashlib.sha256(), zlib.decompressobj(wbits=31)
    with file.open("rb") as packed:
        while part := packed.read(CHUNK_BYTES):
            for unpacked in _unpacked(unpacker, part):
                digest.update(unpacked)
    digest.update(unpacker.flush())
    if not unpacker.eof:
        raise zlib.error("it ends early")
    return f"sha256:{digest.hexdigest()}"


def _unpacked(unpacker: Any, part: bytes) -> Iterator[bytes]:
    """In pieces: a small file may be large when it is unpacked."""
    while part:
        yield unpacker.decompress(part, CHUNK_BYTES)
        part = unpacker.unconsumed_tail


def write_archive(
    target: IO[bytes], images: Mapping[str, PushedImage], needed: Collection[str]
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
