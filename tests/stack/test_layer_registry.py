"""A deployment sends the layers that a host lacks, and reads no others from the engine."""

import gzip
import hashlib
import http.client
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployment import layer_registry, transfer
from deployment.errors import CommandFailed
from deployment.host import Host, HostState, RemoteImage
from deployment.layer_registry import EngineRefuses, Ledger, read_layers, write_archive

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
            case ["docker", "tag", id_, name]:
                self.names[name] = id_
            case ["docker", "push", "--quiet", name]:
                self.push(name)
            case ["docker", "rmi", name]:
                del self.names[name]
            case ["docker", "save", "--output", file, *names]:
                self.saved += names
                Path(file).write_bytes(b"\0" * 10240)
            case other:
                raise AssertionError(other)
        return ""

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
            packed = gzip.compress(layer, mtime=0)
            self.digests[digest_of(layer)] = digest_of(packed)
            manifest["layers"].append({"digest": upload(door, base, packed, in_chunks=True)})
        upload(door, base, configuration, in_chunks=False)
        body = json.dumps(manifest).encode()
        assert ask(door, "PUT", f"{base}/manifests/{tag}", body).status == 201
        door.close()


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
BASE, LIBRARIES, OLD, NEW = b"base" * 900, b"libraries" * 900, b"old code", b"new code"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Pushing:
    engine = Pushing()
    monkeypatch.setattr(layer_registry, "run", engine.run)
    monkeypatch.setattr(transfer, "run", engine.run)
    return engine


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Ledger()


def push_once(engine: Pushing, images: Images, ledger: Ledger) -> None:
    """So that the engine and the ledger know their digests."""
    with read_layers(images, {layer for _, layers in images.values() for layer in layers}, ledger):
        pass
    engine.sent.clear()


def test_layers_to_send_are_those_after_a_common_beginning() -> None:
    images = {"a": ("1", ["x", "y", "z"]), "b": ("2", ["x", "w"]), "c": ("3", ["y"])}
    assert transfer.layers_to_send(images, []) == {"x", "y", "z", "w"}
    # On top of other layers "y" is another layer, though its files are the same.
    assert transfer.layers_to_send(images, [["x"], ["x", "y", "q"]]) == {"z", "w", "y"}
    assert transfer.layers_to_send(images, [["x", "y", "z"], ["x", "w", "v"], ["y"]]) == set()


def test_only_layers_that_are_needed_are_read(engine: Pushing, ledger: Ledger) -> None:
    old = engine.add("event:1", BASE, LIBRARIES, OLD)
    push_once(engine, {"event:1": old}, ledger)
    new = engine.add("event:2", BASE, LIBRARIES, NEW)
    needed = transfer.layers_to_send({"event:2": new}, [old[1]])
    with read_layers({"event:2": new}, needed, Ledger()) as read:
        assert engine.sent == [digest_of(NEW)]
        assert gzip.decompress(read["event:2"].files[digest_of(NEW)].read_bytes()) == NEW
        assert digest_of(read["event:2"].configuration) == new[0]
    assert engine.names == {}


def test_control_what_the_host_lacks_is_read_though_the_engine_has_pushed_it(
    engine: Pushing, ledger: Ledger
) -> None:
    image = engine.add("event:1", BASE, LIBRARIES, OLD)
    push_once(engine, {"event:1": image}, ledger)
    needed = transfer.layers_to_send({"event:1": image}, [[digest_of(BASE)]])
    with read_layers({"event:1": image}, needed, ledger):
        assert engine.sent == [digest_of(LIBRARIES), digest_of(OLD)]


def test_a_layer_that_images_share_is_read_once(engine: Pushing, ledger: Ledger) -> None:
    images = {
        "auth:1": engine.add("auth:1", BASE, OLD),
        "event:1": engine.add("event:1", BASE, NEW),
    }
    needed = transfer.layers_to_send(images, [])
    with read_layers(images, needed, ledger) as read:
        assert engine.sent == [digest_of(BASE), digest_of(OLD), digest_of(NEW)]
        archive = io.BytesIO()
        write_archive(archive, read, needed)
    names, manifest = unpack(archive)
    assert [one["RepoTags"] for one in manifest] == [["auth:1"], ["event:1"]]
    assert len(names) == len(set(names))
    assert {path for one in manifest for path in (*one["Layers"], one["Config"])} < set(names)


def test_without_its_ledger_a_layer_that_the_host_has_is_read_and_not_sent(
    engine: Pushing, ledger: Ledger
) -> None:
    old = engine.add("event:1", BASE, OLD)
    new = engine.add("event:2", BASE, OLD, version="2")
    push_once(engine, {"event:1": old}, ledger)
    ledger._file.unlink()
    with read_layers({"event:2": new}, set(), Ledger()) as read:
        assert engine.sent == [digest_of(BASE), digest_of(OLD)]
        archive = io.BytesIO()
        write_archive(archive, read, set())
    names, manifest = unpack(archive)
    assert sorted(names) == sorted([manifest[0]["Config"], "manifest.json"])
    engine.sent.clear()
    with read_layers({"event:2": new}, set(), Ledger()):
        assert engine.sent == []


def unpack(archive: io.BytesIO) -> tuple[list[str], Any]:
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        return tar.getnames(), json.load(file)


def test_another_image_than_was_asked_for_is_refused(engine: Pushing, ledger: Ledger) -> None:
    image = engine.add("event:1", BASE)
    engine.other_configuration = engine.images[image[0]][0].replace(b'"1"', b'"2"')
    with pytest.raises(EngineRefuses, match="another image"):
        with read_layers({"event:1": image}, set(image[1]), ledger):
            pass
    assert engine.names == {}


def test_a_path_is_no_name_of_a_file(ledger: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / "layers"
    folder.mkdir()
    registry = layer_registry.LayerRegistry(folder, ledger, set())
    registry.server_close()
    for path in ("../x", "%2e%2e/x", "0" * 31, "0" * 32 + "/../x"):
        assert layer_registry._UPLOAD.fullmatch(f"/v2/parterre/blobs/uploads/{path}") is None


class Receiver(Host):
    """A host that notes what is loaded."""

    def __init__(self, folder: Path, *, takes: bool = True) -> None:
        super().__init__("host")
        self.file = folder / "loaded.tar"
        self.scripts: list[str] = []
        self.takes = takes

    def command(self, script: str) -> list[str]:
        return ["sh", "-c", f"gzip -dc > {self.file}; {str(self.takes).lower()}"]

    def run(self, script: str, *, seconds: float, stdin: bytes | None = None) -> str:
        self.scripts.append(script)
        return ""


def state(*images: tuple[str, tuple[str, list[str]]]) -> HostState:
    there = [RemoteImage(id_, [name], layers) for name, (id_, layers) in images]
    return HostState("/home/x/parterre", True, "1", {}, 1 << 40, there)


def test_an_image_that_is_there_needs_only_its_name(engine: Pushing, tmp_path: Path) -> None:
    image = engine.add("event:1", BASE)
    host = Receiver(tmp_path)
    assert (
        transfer.send_images(host, state(("event:1", image)), {"event:2": image})
        == "all images are there"
    )
    assert host.scripts == [f"docker tag {image[0]} event:2"]
    assert engine.sent == engine.saved == []


def test_a_version_is_sent_as_its_configuration_and_its_new_layer(
    engine: Pushing, ledger: Ledger, tmp_path: Path
) -> None:
    old = engine.add("event:1", BASE, LIBRARIES, OLD)
    push_once(engine, {"event:1": old}, ledger)
    new = engine.add("event:2", BASE, LIBRARIES, NEW)
    host = Receiver(tmp_path)
    said = transfer.send_images(host, state(("event:1", old)), {"event:2": new})
    assert said.startswith("1 images, 1 of 3 layers")
    assert (engine.sent, engine.saved) == ([digest_of(NEW)], [])
    names, [entry] = unpack(io.BytesIO(host.file.read_bytes()))
    assert set(names) == {"manifest.json", entry["Config"], entry["Layers"][2]}


def test_control_an_engine_that_does_not_push_is_asked_for_everything(
    engine: Pushing, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise CommandFailed("connection refused")

    monkeypatch.setattr(engine, "push", refuse)
    image = engine.add("event:1", BASE)
    transfer.send_images(Receiver(tmp_path), state(), {"event:1": image})
    assert engine.saved == ["event:1"]


def test_a_full_disk_is_told_before_anything_is_sent(
    engine: Pushing, ledger: Ledger, tmp_path: Path
) -> None:
    image = engine.add("event:1", BASE)
    full = HostState("/home/x/parterre", True, "1", {}, 1000, [])
    host = Receiver(tmp_path)
    with pytest.raises(CommandFailed, match="disk"):
        transfer.send_images(host, full, {"event:1": image})
    assert not host.file.exists()
