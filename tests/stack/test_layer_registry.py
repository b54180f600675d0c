"""What a registry of our own takes from ``docker push``, and believes."""

import gzip
import http.client
import io
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployment import transfer
from deployment.digest_cache import DigestCache
from deployment.layer_registry import LayerRegistry
from deployment.push import read_layers
from deployment.pushed_image import EngineRefuses, PushedImage, write_archive
from tests.stack.pushing import (
    BASE,
    LIBRARIES,
    NEW,
    OLD,
    Pushing,
    ask,
    digest_of,
    push_once,
    unpack,
    upload,
)


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


@pytest.mark.parametrize(
    "packed", [b"no gzip", gzip.compress(BASE)[:-4], b""], ids=["other", "cut off", "empty"]
)
def test_a_layer_that_cannot_be_unpacked_is_refused(packed: bytes, tmp_path: Path) -> None:
    file = tmp_path / "layer"
    file.write_bytes(packed)
    with pytest.raises(EngineRefuses, match="not whole"):
        PushedImage(b"", [digest_of(BASE)], {digest_of(BASE): file}).check_files()


@pytest.mark.parametrize(
    "text",
    ["5", "[1, 2]", "null", '{"a": 1}', "{", '"text"', pytest.param("[" * 100_000, id="deep")],
)
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
