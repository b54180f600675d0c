"""A deployment sends the layers that a host lacks, and says why where it sends all of them."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deployment import push, transfer
from deployment.digest_cache import DigestCache
from deployment.errors import CommandFailed
from deployment.host import SSH_FAILED, HostState
from tests.stack.pushing import (
    BASE,
    LIBRARIES,
    NEW,
    OLD,
    Lines,
    Pushing,
    Receiver,
    digest_of,
    push_once,
    state,
    unpack,
)


def test_layers_to_send_are_those_after_a_common_beginning() -> None:
    images = {"a": ("1", ["x", "y", "z"]), "b": ("2", ["x", "w"]), "c": ("3", ["y"])}
    assert transfer.layers_to_send(images, []) == {"x", "y", "z", "w"}
    # On top of other layers "y" is another layer, though its files are the same.
    assert transfer.layers_to_send(images, [["x"], ["x", "y", "q"]]) == {"z", "w", "y"}
    assert transfer.layers_to_send(images, [["x", "y", "z"], ["x", "w", "v"], ["y"]]) == set()


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
