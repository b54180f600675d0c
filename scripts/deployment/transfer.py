"""Sending a release to a host: its files, and of its images the layers that are not there yet."""

import io
import json
import os
import shlex
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from deployment.digest_cache import DigestCache
from deployment.engine import run
from deployment.errors import CommandFailed, one_line
from deployment.host import SSH_FAILED, Host, HostState
from deployment.push import has_containerd_store, read_layers
from deployment.pushed_image import EngineRefuses, write_archive
from deployment.steps import Steps

RELEASE_FILES = ("docker-compose.yml", ".env.example", "deploy", "scripts")
SAVE_SECONDS = 600.0
SEND_SECONDS = 3600.0
# Of packed layers, what they take on a disk while they are unpacked.
UNPACKED = 6


def release_archive(root: Path, version: str) -> bytes:
    """A tar of the files of a release: of the tag or commit ``version``, else of the work tree."""
    tag = [
        "git",
        "-C",
        str(root),
        "rev-parse",
        "--quiet",
        "--verify",
        f"{version}^{{commit}}",
    ]
    known = subprocess.run(tag, capture_output=True, check=False)
    if known.returncode == 0:
        commit = known.stdout.decode().strip()
        listed = run(["git", "-C", str(root), "ls-tree", "--name-only", commit], seconds=30).split()
        if "scripts" in listed:
            names = [name for name in RELEASE_FILES if name in listed]
            archive = ["git", "-C", str(root), "archive", commit, *names]
            return subprocess.run(archive, capture_output=True, check=True).stdout
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in RELEASE_FILES:
            if (root / name).exists():
                tar.add(root / name, arcname=name, filter=_without_caches)
    return buffer.getvalue()


def _without_caches(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return None if os.path.basename(entry.name) == "__pycache__" else entry


def send_release(host: Host, home: str, version: str, archive: bytes) -> None:
    """Unpack the files beside the releases that are there, and swap them in by renaming."""
    folder = shlex.quote(f"{home}/releases/{version}")
    script = (
        # Containers read some of it as users of their own, whatever the operator's umask is.
        f"set -e; umask 022; rm -rf {folder}.new {folder}.old; mkdir -p {folder}.new;"
        f" tar -x --no-same-owner -C {folder}.new -f -;"
        f" [ ! -e {folder} ] || mv {folder} {folder}.old;"
        f" mv {folder}.new {folder}; rm -rf {folder}.old"
    )
    host.run(script, seconds=300, stdin=archive)


def local_images(images: list[str]) -> dict[str, tuple[str, list[str]]]:
    """Id and layers of images here, by name; raises CommandFailed if one is not here."""
    answers = {}
    for image in images:
        try:
            inspected = json.loads(run(["docker", "image", "inspect", image], seconds=60))[0]
        except CommandFailed:
            raise CommandFailed(
                f"the image {image} is not on this machine; ./scripts/images builds it"
            ) from None
        answers[image] = (inspected["Id"], inspected["RootFS"]["Layers"])
    return answers


def send_images(
    host: Host, state: HostState, images: dict[str, tuple[str, list[str]]], steps: Steps
) -> str:
    """Make the images known there under their names; returns what was sent, in words.

    Raises CommandFailed where the host cannot be reached, or has other images afterwards.
    """
    ids = {one.id for one in state.images}
    tags = {tag: one.id for one in state.images for tag in one.tags}
    to_tag = [name for name, (id_, _) in images.items() if id_ in ids and tags.get(name) != id_]
    for name in to_tag:
        host.run(f"docker tag {images[name][0]} {shlex.quote(name)}", seconds=60)
    missing = {name: one for name, one in images.items() if one[0] not in ids}
    if not missing:
        return "all images are there"
    try:
        sent = _send_layers(host, state, missing)
    except EngineRefuses as error:
        steps(f"images: all layers are read: {one_line(error)}")
        sent = _send_saved(host, state, list(missing), steps)
    _check_images(host, missing)
    return sent


def layers_to_send(
    images: dict[str, tuple[str, list[str]]], present: Iterable[list[str]]
) -> set[str]:
    """Layers of images that another engine lacks, by the layers of its images.

    An engine takes a layer from its own store if it has it on top of the same layers. So those are left
    out with which an image here and one there begin.
    """
    present = list(present)
    return {
        layer
        for _, layers in images.values()
        for layer in layers[max((_common_length(layers, one) for one in present), default=0) :]
    }


def _send_layers(host: Host, state: HostState, images: dict[str, tuple[str, list[str]]]) -> str:
    """What was sent. Raises EngineRefuses where this engine cannot be asked for single layers, or where
    the other does not take images without those that it has."""
    needed = layers_to_send(images, [one.layers for one in state.images])
    everything = {layer for _, layers in images.values() for layer in layers}
    with (
        read_layers(images, needed, DigestCache()) as read,
        tempfile.TemporaryFile() as archive,
    ):
        size = write_archive(archive, read, needed)
        _require_space(host, state, size * UNPACKED)
        if refusal := _load(host, archive):
            raise EngineRefuses(refusal)
    layers = f"{len(needed)} of {len(everything)} layers"
    return f"{len(images)} images, {layers}, {size / 2**20:.1f} MiB"


def _send_saved(host: Host, state: HostState, images: list[str], steps: Steps) -> str:
    """By way of ``docker save``, which writes all layers of all images."""
    with tempfile.NamedTemporaryFile(suffix=".tar") as saved:
        run(["docker", "save", "--output", saved.name, *images], seconds=SAVE_SECONDS)
        bytes_ = os.path.getsize(saved.name)
        _require_space(host, state, bytes_ * 2)
        with tempfile.TemporaryFile() as stripped:
            copied = strip_layers(saved.name, stripped, [one.layers for one in state.images])
            if copied < bytes_:
                if not (refusal := _load(host, stripped)):
                    return f"{len(images)} images, {copied >> 20} of {bytes_ >> 20} MiB"
                # Not every engine takes an image whose other layers it has.
                steps(f"images: all layers are sent: {one_line(CommandFailed(refusal))}")
        with open(saved.name, "rb") as whole:
            if refusal := _load(host, whole):
                raise CommandFailed(refusal)
    return f"{len(images)} images, {bytes_ >> 20} MiB"


def _check_images(host: Host, images: dict[str, tuple[str, list[str]]]) -> None:
    """Raises CommandFailed if a name means another image there than here."""
    names = shlex.join(images)
    inspect = "docker image inspect --format '{{.Id}} {{json .RootFS.Layers}}'"
    lines = host.run(f"{inspect} {names}", seconds=60).strip().splitlines()
    found = [(id_, json.loads(layers)) for id_, _, layers in (one.partition(" ") for one in lines)]
    other = [
        (name, image)
        for (name, image), there in zip(images.items(), found, strict=True)
        if there[0] != image[0]
    ]
    if not other:
        return
    # In containerd's store an id is that of a manifest, which is made anew.
    status = host.run("docker info --format '{{json .DriverStatus}}'", seconds=60)
    if has_containerd_store(status) and all(
        there[1] == layers for there, (_, layers) in zip(found, images.values(), strict=True)
    ):
        return
    raise CommandFailed(
        f"docker load on {host.name} has made other images of {', '.join(n for n, _ in other)}"
    )


def _require_space(host: Host, state: HostState, bytes_: int) -> None:
    if bytes_ > state.free_bytes:
        raise CommandFailed(
            f"{host.name} has {state.free_bytes >> 20} MiB of disk free, and needs"
            f" {bytes_ >> 20}; see deploy/README.md on a full disk"
        )


def _load(host: Host, file: IO[bytes]) -> str:
    """Load an archive there; "", or why the engine there does not take it, with what it wrote.

    Raises CommandFailed where it is not the engine's doing: no connection, no time, no program.
    """
    file.seek(0)
    pack = ["nice", "-n", "19", "gzip", "-1", "-c"]
    script = "nice -n 19 gzip -dc | nice -n 19 docker load --quiet"
    try:
        # At its end gzip is told that nobody reads any more.
        with subprocess.Popen(pack, stdin=file, stdout=subprocess.PIPE) as packed:
            loaded = subprocess.run(
                host.command(script),
                stdin=packed.stdout,
                capture_output=True,
                timeout=SEND_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise CommandFailed(
            f"docker load on {host.name} took more than {SEND_SECONDS:.0f} s"
        ) from None
    except OSError as error:
        raise CommandFailed(f"images cannot be sent to {host.name}: {error}") from None
    if loaded.returncode == 0 and packed.returncode == 0:
        return ""
    output = (loaded.stderr + loaded.stdout).decode(errors="replace").strip()
    if loaded.returncode == SSH_FAILED and host.destination:
        raise CommandFailed(f"the connection to {host.name} broke:\n{output}")
    return f"docker load on {host.name} failed with exit code {loaded.returncode}:\n{output}"


def strip_layers(saved: str, target: IO[bytes], present: Iterable[list[str]]) -> int:
    """Copy an archive of ``docker save`` without the layers that the other engine has; its new size.

    Which those are, ``layers_to_send`` says. Archives of another form are copied as they are.
    """
    present = list(present)
    with tarfile.open(saved) as archive:
        names = set(archive.getnames())
        manifest = json.load(_member(archive, "manifest.json")) if "manifest.json" in names else []
        needed: set[str] = set()
        all_layers: set[str] = set()
        for image in manifest:
            layers = json.load(_member(archive, image["Config"]))["rootfs"]["diff_ids"]
            common = max((_common_length(layers, other) for other in present), default=0)
            all_layers.update(image["Layers"])
            needed.update(_target(archive, path) for path in image["Layers"][common:])
        with tarfile.open(fileobj=target, mode="w") as copy:
            for entry in archive:
                is_unneeded = (
                    entry.name in all_layers and entry.isreg() and entry.name not in needed
                )
                if not is_unneeded:
                    copy.addfile(entry, archive.extractfile(entry) if entry.isreg() else None)
    return target.tell()


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    member = archive.extractfile(name)
    if member is None:
        raise CommandFailed(f"docker save wrote no {name}")
    return member


def _target(archive: tarfile.TarFile, path: str) -> str:
    """A layer that two images share is written once; the other's path is a link to it."""
    entry = archive.getmember(path)
    if not entry.issym():
        return path
    return os.path.normpath(os.path.join(os.path.dirname(path), entry.linkname))


def _common_length(one: list[str], other: list[str]) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length
