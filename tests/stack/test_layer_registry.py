"""A deployment sends the layers that a host lacks, and reads no others from the engine."""

import gzip
import hashlib
import http.client
import io
import json
import shlex
import socket
import tarfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployment import push, transfer
from deployment.digest_cache import DigestCache
from deployment.errors import CommandFailed
from deployment.host import SSH_FAILED, Host, HostState, RemoteImage
from deployment.layer_registry import LayerRegistry
from deployment.push import read_layers
from deployment.pushed_image import EngineRefuses, PushedImage, write_archive
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


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Pushing:
    engine = Pushing()
    monkeypatch.setattr(push, "run", engine.run)
    monkeypatch.setattr(transfer, "run", engine.run)
    return engine


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DigestCache:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return DigestCache()


def push_once(engine: Pushing, images: Images, cache: DigestCache) -> None:
    """So that the engine and the cache know their digests."""
    with read_layers(images, {layer for _, layers in images.values() for layer in layers}, cache):
        pass
    engine.sent.clear()


def test_layers_to_send_are_those_after_a_common_beginning() -> None:
    images = {"a": ("1", ["x", "y", "z"]), "b": ("2", ["x", "w"]), "c": ("3", ["y"])}
    assert transfer.layers_to_send(images, []) == {"x", "y", "z", "w"}
    # On top of other layers "y" is another layer, though its files are the same.
    assert transfer.layers_to_send(images, [["x"], ["x", "y", "q"]]) == {"z", "w", "y"}
    assert transfer.layers_to_send(images, [["x", "y", "z"], ["x", "w", "v"], ["y"]]) == set()


def test_only_layers_that_are_needed_are_read(engine: Pushing, cache: DigestCache) -> None:
    old = engine.add("event:1", BASE, LIBRARIES, OLD)
    push_once(engine, {"event:1": old}, cache)
    new = engine.add("event:2", BASE, LIBRARIES, NEW)
    needed = transfer.layers_to_send({"event:2": new}, [old[1]])
    with read_layers({"event:2": new}, needed, DigestCache()) as read:
        assert engine.sent == [digest_of(NEW)]
        assert gzip.decompress(read["event:2"].files[digest_of(NEW)].read_bytes()) == NEW
        assert digest_of(read["event:2"].configuration) == new[0]
    assert engine.names == {}


def test_control_what_the_host_lacks_is_read_though_the_engine_has_pushed_it(
    engine: Pushing, cache: DigestCache
) -> None:
    image = engine.add("event:1", BASE, LIBRARIES, OLD)
    push_once(engine, {"event:1": image}, cache)
    needed = transfer.layers_to_send({"event:1": image}, [[digest_of(BASE)]])
    with read_layers({"event:1": image}, needed, cache):
        assert engine.sent == [digest_of(LIBRARIES), digest_of(OLD)]


def test_a_layer_that_images_share_is_read_once(engine: Pushing, cache: DigestCache) -> None:
    images = {
        "auth:1": engine.add("auth:1", BASE, OLD),
        "event:1": engine.add("event:1", BASE, NEW),
    }
    needed = transfer.layers_to_send(images, [])
    with read_layers(images, needed, cache) as read:
        assert engine.sent == [digest_of(BASE), digest_of(OLD), digest_of(NEW)]
        archive = io.BytesIO()
        write_archive(archive, read, needed)
    names, manifest = unpack(archive)
    assert [one["RepoTags"] for one in manifest] == [["auth:1"], ["event:1"]]
    assert len(names) == len(set(names))
    assert {path for one in manifest for path in (*one["Layers"], one["Config"])} < set(names)


def test_without_its_cache_a_layer_that_the_host_has_is_read_and_not_sent(
    engine: Pushing, cache: DigestCache
) -> None:
    old = engine.add("event:1", BASE, OLD)
    new = engine.add("event:2", BASE, OLD, version="2")
    push_once(engine, {"event:1": old}, cache)
    cache._file.unlink()
    with read_layers({"event:2": new}, set(), DigestCache()) as read:
        assert engine.sent == [digest_of(BASE), digest_of(OLD)]
        archive = io.BytesIO()
        write_archive(archive, read, set())
    names, manifest = unpack(archive)
    assert sorted(names) == sorted([manifest[0]["Config"], "manifest.json"])
    engine.sent.clear()
    with read_layers({"event:2": new}, set(), DigestCache()):
        assert engine.sent == []


def unpack(archive: io.BytesIO) -> tuple[list[str], Any]:
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        file = tar.extractfile("manifest.json")
        assert file is not None
        return tar.getnames(), json.load(file)


def test_another_image_than_was_asked_for_is_refused(engine: Pushing, cache: DigestCache) -> None:
    image = engine.add("event:1", BASE)
    engine.other_configuration = engine.images[image[0]][0].replace(b'"1"', b'"2"')
    with pytest.raises(EngineRefuses, match="another image"):
        with read_layers({"event:1": image}, set(image[1]), cache):
            pass
    assert engine.names == {}


def test_a_layer_with_other_files_is_refused_and_not_remembered(
    engine: Pushing, cache: DigestCache
) -> None:
    image = engine.add("event:1", BASE)
    engine.other_layer = b"other files"
    with pytest.raises(EngineRefuses, match="another layer"):
        with read_layers({"event:1": image}, set(image[1]), cache):
            pass
    assert DigestCache()._layers == {}
    engine.other_layer = b""
    engine.digests.clear()
    with read_layers({"event:1": image}, set(image[1]), cache):
        assert list(DigestCache()._layers.values()) == image[1]


def test_another_image_is_not_remembered(engine: Pushing, cache: DigestCache) -> None:
    image = engine.add("event:1", BASE)
    engine.other_configuration = engine.images[image[0]][0].replace(b'"1"', b'"2"')
    with pytest.raises(EngineRefuses), read_layers({"event:1": image}, set(image[1]), cache):
        pass
    assert DigestCache()._layers == {}


@pytest.mark.parametrize("packed", [b"no gzip", gzip.compress(BASE)[:-4], b""])
def test_a_layer_that_cannot_be_unpacked_is_refused(packed: bytes, tmp_path: Path) -> None:
    file = tmp_path / "layer"
    file.write_bytes(packed)
    with pytest.raises(EngineRefuses, match="not whole"):
        PushedImage(b"", [digest_of(BASE)], {digest_of(BASE): file}).check_files()


@pytest.mark.parametrize("text", ["5", "[1, 2]", "null", '{"a": 1}', "{", '"text"', "[" * 100_000])
def test_a_cache_that_holds_something_else_is_empty(text: str, tmp_path: Path) -> None:
    file = tmp_path / "layers.json"
    file.write_text(text)
    cache = DigestCache(file)
    assert cache._layers == {}
    cache.learn({digest_of(b"packed"): digest_of(b"files")})
    assert DigestCache(file).layer(digest_of(b"packed")) == digest_of(b"files")


@pytest.fixture
def registry(cache: DigestCache, tmp_path: Path) -> Iterator[LayerRegistry]:
    folder = tmp_path / "layers"
    folder.mkdir()
    registry = LayerRegistry(folder, cache, set())
    thread = threading.Thread(target=registry.serve_forever, daemon=True)
    thread.start()
    yield registry
    registry.shutdown()
    registry.server_close()


PLACE = f"/v2/parterre/blobs/uploads/{'0' * 32}"


def raw(registry: LayerRegistry, request: str, body: bytes = b"") -> str:
    """The answer's first line; the connection is not written to afterwards."""
    with socket.create_connection(("127.0.0.1", registry.server_port), timeout=10) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode() + body)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(4096):
            answer += part
    return answer.partition(b"\r\n")[0].decode()


def test_what_is_sent_under_another_digest_is_refused(registry: LayerRegistry) -> None:
    door = http.client.HTTPConnection("127.0.0.1", registry.server_port, timeout=10)
    place = ask(door, "POST", "/v2/parterre/blobs/uploads/").headers["Location"]
    assert ask(door, "PATCH", place, b"content").status == 202
    wrong = digest_of(b"other content")
    assert ask(door, "PUT", f"{place}?digest={wrong}").status == 400
    assert not registry.has(wrong)
    assert list(registry.folder.iterdir()) == []
    right = upload(door, "/v2/parterre", b"content", in_chunks=False)
    assert registry.has(right)
    door.close()


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (f"PATCH {PLACE} HTTP/1.1\nContent-Length: 10\n\n", b"short"),
        (f"PATCH {PLACE} HTTP/1.1\nTransfer-Encoding: chunked\n\n", b"5\r\nshort"),
        (f"PATCH {PLACE} HTTP/1.1\nTransfer-Encoding: chunked\n\n", b"9\r\nshort"),
        (f"PATCH {PLACE} HTTP/1.1\nTransfer-Encoding: chunked\n\n", b"5\r\nshort\r\n"),
        (f"PATCH {PLACE} HTTP/1.1\nTransfer-Encoding: chunked\n\n", b"many\r\nshort\r\n0\r\n\r\n"),
        (f"PATCH {PLACE} HTTP/1.1\nTransfer-Encoding: chunked\n\n", b"-5\r\nshort\r\n0\r\n\r\n"),
        (f"PATCH {PLACE} HTTP/1.1\nContent-Length: -1\n\n", b""),
        (f"PATCH {PLACE} HTTP/1.1\nContent-Length: ten\n\n", b""),
        ("PATCH /v2/parterre/blobs/uploads/../x HTTP/1.1\n\n", b""),
        ("PATCH /v2/other/blobs/uploads/ HTTP/1.1\n\n", b""),
        (f"PUT {PLACE}?digest=sha256:../../x HTTP/1.1\n\n", b""),
        (f"PUT {PLACE} HTTP/1.1\n\n", b""),
        ("PUT /v2/parterre/manifests/a HTTP/1.1\nContent-Length: 9999999\n\n", b""),
        ("PUT /v2/parterre/manifests/../a HTTP/1.1\n\n", b""),
    ],
)
def test_an_odd_request_is_answered_and_the_next_one_too(
    registry: LayerRegistry, head: str, body: bytes
) -> None:
    assert raw(registry, head, body) == "HTTP/1.1 400 Bad Request"
    assert registry.received == set() and registry.manifests == {}
    assert raw(registry, "GET /v2/ HTTP/1.1\n\n") == "HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    "manifest",
    [
        "5", "null", "[]", "{", '{"config": 1}', '{"config": {"digest": "../x"}, "layers": []}',
        '{"config": {"digest": null}, "layers": []}',
        '{"config": {"digest": "CONFIG"}, "layers": [[]]}',
        '{"config": {"digest": "CONFIG"}, "layers": [{"digest": ["x"]}]}',
        '{"config": {"digest": "CONFIG"}, "layers": []}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_manifest_that_is_none_is_refused(registry: LayerRegistry, manifest: str) -> None:
    configuration = json.dumps({"rootfs": {"diff_ids": [digest_of(BASE)]}}).encode()
    id_ = digest_of(configuration)
    registry.blob(id_).write_bytes(configuration)
    registry.manifests["a"] = manifest.replace("CONFIG", id_).encode()
    with pytest.raises(EngineRefuses):
        registry.image("a", id_)
    with pytest.raises(EngineRefuses):
        registry.image("b", id_)


def test_an_engine_whose_ids_are_of_manifests_is_not_asked_to_push(
    engine: Pushing, cache: DigestCache, tmp_path: Path
) -> None:
    engine.driver_status = '[["driver-type","io.containerd.snapshotter.v1"]]'
    image = engine.add("event:1", BASE)
    host, lines = Receiver(tmp_path, {"event:1": image}), Lines()
    transfer.send_images(host, state(), {"event:1": image}, lines.steps)
    assert (engine.sent, engine.saved) == ([], ["event:1"])
    assert "containerd's store" in lines.text
    for odd in ("", "null", "[]", "5", "{"):
        assert not push.has_containerd_store(odd)


def test_an_engine_that_does_not_name_the_image_is_asked_for_everything(
    engine: Pushing, cache: DigestCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: Sequence[str], **options: Any) -> str:
        if command[1] == "tag":
            raise CommandFailed("no such image")
        return engine.run(command, **options)

    monkeypatch.setattr(push, "run", run)
    image = engine.add("event:1", BASE)
    host, lines = Receiver(tmp_path, {"event:1": image}), Lines()
    transfer.send_images(host, state(), {"event:1": image}, lines.steps)
    assert engine.saved == ["event:1"]
    assert "no such image" in lines.text


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


def test_an_image_that_is_there_needs_only_its_name(engine: Pushing, tmp_path: Path) -> None:
    image = engine.add("event:1", BASE)
    host, images = Receiver(tmp_path, {}), {"event:2": image}
    said = transfer.send_images(host, state(("event:1", image)), images, Lines().steps)
    assert said == "all images are there"
    assert host.scripts == [f"docker tag {image[0]} event:2"]
    assert engine.sent == engine.saved == []


def test_a_version_is_sent_as_its_configuration_and_its_new_layer(
    engine: Pushing, cache: DigestCache, tmp_path: Path
) -> None:
    old = engine.add("event:1", BASE, LIBRARIES, OLD)
    push_once(engine, {"event:1": old}, cache)
    new = engine.add("event:2", BASE, LIBRARIES, NEW)
    host = Receiver(tmp_path, {"event:2": new})
    said = transfer.send_images(host, state(("event:1", old)), {"event:2": new}, Lines().steps)
    assert said.startswith("1 images, 1 of 3 layers")
    assert (engine.sent, engine.saved) == ([digest_of(NEW)], [])
    names, [entry] = unpack(io.BytesIO(host.file.read_bytes()))
    assert set(names) == {"manifest.json", entry["Config"], entry["Layers"][2]}


def test_control_an_engine_that_does_not_push_is_asked_for_everything(
    engine: Pushing, cache: DigestCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise CommandFailed("docker push failed:\n  connection refused")

    monkeypatch.setattr(engine, "push", refuse)
    image = engine.add("event:1", BASE)
    host, lines = Receiver(tmp_path, {"event:1": image}), Lines()
    transfer.send_images(host, state(), {"event:1": image}, lines.steps)
    assert engine.saved == ["event:1"]
    assert "connection refused" in lines.text


def test_a_host_that_takes_no_image_without_its_layers_is_sent_all_of_them(
    engine: Pushing, cache: DigestCache, tmp_path: Path
) -> None:
    """First what was pushed, then what was saved without those that it has, then all."""
    old = engine.add("event:1", BASE, OLD)
    images = {
        "auth:2": engine.add("auth:2", BASE, LIBRARIES),
        "event:2": engine.add("event:2", BASE, NEW),
    }
    takes = "[ $(wc -l < LOADS) = {} ] || {{ echo 'invalid layer' >&2; exit 1; }}"
    for number, layers in ((2, [NEW, LIBRARIES]), (3, [BASE, NEW, LIBRARIES])):
        folder = tmp_path / str(number)
        folder.mkdir()
        script = takes.format(number).replace("LOADS", str(folder / "loads"))
        host, lines = Receiver(folder, images, script=script), Lines()
        transfer.send_images(host, state(("event:1", old)), images, lines.steps)
        assert host.count == number
        assert lines.text.count("invalid layer") == number - 1
        with tarfile.open(host.file) as tar:
            sent = {
                digest_of(tar.extractfile(one).read())  # type: ignore[union-attr]
                for one in tar
                if one.isreg() and one.name.endswith("layer.tar")
            }
        assert sent == set(map(digest_of, layers))
    nothing = Receiver(tmp_path, images, script="echo 'no space left' >&2; exit 1")
    with pytest.raises(CommandFailed, match="no space left"):
        transfer.send_images(nothing, state(), images, Lines().steps)


@pytest.mark.parametrize(
    ("script", "what"),
    [
        (f"echo 'Connection closed by host' >&2; exit {SSH_FAILED}", "Connection closed by host"),
        ("sleep 5", "took more than"),
    ],
)
def test_what_is_not_the_engines_doing_is_told_and_not_tried_again(
    engine: Pushing,
    cache: DigestCache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    what: str,
) -> None:
    monkeypatch.setattr(transfer, "SEND_SECONDS", 0.5)
    image = engine.add("event:1", BASE)
    host = Receiver(tmp_path, {"event:1": image}, script=script)
    with pytest.raises(CommandFailed, match=what):
        transfer.send_images(host, state(), {"event:1": image}, Lines().steps)
    assert (host.count, engine.saved) == (1, [])


def test_a_host_without_ssh_is_told(engine: Pushing, cache: DigestCache, tmp_path: Path) -> None:
    class Nowhere(Receiver):
        def command(self, script: str) -> list[str]:
            return [str(tmp_path / "no-such-program")]

    image = engine.add("event:1", BASE)
    with pytest.raises(CommandFailed, match="cannot be sent"):
        transfer.send_images(Nowhere(tmp_path, {}), state(), {"event:1": image}, Lines().steps)


def test_other_images_than_those_here_are_no_success(
    engine: Pushing, cache: DigestCache, tmp_path: Path
) -> None:
    image = engine.add("event:1", BASE)
    other = engine.add("event:1", BASE, version="2")
    host = Receiver(tmp_path, {"event:1": other})
    with pytest.raises(CommandFailed, match="other images of event:1"):
        transfer.send_images(host, state(), {"event:1": image}, Lines().steps)
    # Where ids are of manifests, equal layers are all that can be compared.
    host.driver_status = '[["driver-type","io.containerd.snapshotter.v1"]]'
    transfer.send_images(host, state(), {"event:1": image}, Lines().steps)
    host.images = {"event:1": engine.add("event:1", OLD)}
    with pytest.raises(CommandFailed, match="other images of event:1"):
        transfer.send_images(host, state(), {"event:1": image}, Lines().steps)


def test_a_full_disk_is_told_before_anything_is_sent(
    engine: Pushing, cache: DigestCache, tmp_path: Path
) -> None:
    image = engine.add("event:1", BASE)
    full = HostState("/home/x/parterre", True, "1", {}, 1000, [])
    host = Receiver(tmp_path, {})
    with pytest.raises(CommandFailed, match="disk"):
        transfer.send_images(host, full, {"event:1": image}, Lines().steps)
    assert not host.file.exists()
