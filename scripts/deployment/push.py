"""The layers that a host lacks, read from this machine's engine without ``docker save``.

``docker save`` writes all layers of an image, and there is no other command that gives one of them. But
``docker push`` asks a registry before it sends a large layer. Of a layer above 10 MB it asks about the
digests under which it has pushed it anywhere, the latest three of them. Of a smaller one it asks only
about a digest that it has pushed to the very same repository, which ours never is: those it always sends,
over loopback. So a registry of our own says of the large layers that the host has that they are there, and
takes the others. What an engine has never pushed anywhere it sends without asking: that costs once as
much as ``docker save``.
"""

import json
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from deployment.digest_cache import DigestCache
from deployment.engine import run
from deployment.errors import CommandFailed
from deployment.layer_registry import LayerRegistry
from deployment.pushed_image import EngineRefuses, PushedImage

PUSH_SECONDS = 900.0
# Its images have other ids, and it sends the layers as they were pulled.
CONTAINERD_STORE = "io.containerd.snapshotter.v1"


def has_containerd_store(driver_status: str) -> bool:
    """By what ``docker info --format '{{json .DriverStatus}}'`` has written."""
    try:
        return ["driver-type", CONTAINERD_STORE] in json.loads(driver_status)
    except (ValueError, TypeError):
        return False


@contextmanager
def read_layers(
    images: Mapping[str, tuple[str, list[str]]], needed: Collection[str], cache: DigestCache
) -> Iterator[dict[str, PushedImage]]:
    """Images by name with their ``needed`` layers, whose files are there until the end of the block.

    ``images``: id and layers by name. Raises EngineRefuses where the engine does not push to us, such
    as one on another machine, or where what it sends is not the image that was asked for.
    """
    status = run(["docker", "info", "--format", "{{json .DriverStatus}}"], seconds=60)
    if has_containerd_store(status):
        raise EngineRefuses("this machine's engine keeps its images in containerd's store")
    with tempfile.TemporaryDirectory() as folder:
        registry = LayerRegistry(Path(folder), cache, needed)
        thread = threading.Thread(target=registry.serve_forever, daemon=True)
        thread.start()
        try:
            yield {
                image: _push(registry, image, id_, f"image-{number}")
                for number, (image, (id_, _)) in enumerate(images.items())
            }
        finally:
            registry.shutdown()
            registry.server_close()


def _push(registry: LayerRegistry, image: str, id_: str, tag: str) -> PushedImage:
    name = f"{registry.name}:{tag}"
    try:
        run(["docker", "tag", id_, name], seconds=60)
        run(["docker", "push", "--quiet", name], seconds=PUSH_SECONDS, with_errors=True)
        return registry.image(tag, id_)
    except CommandFailed as error:
        raise EngineRefuses(f"{image}: {error}") from None
    finally:
        with suppress(CommandFailed):
            run(["docker", "rmi", name], seconds=60)
