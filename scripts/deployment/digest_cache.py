"""Which layer a digest of a registry means, remembered from one deployment to the next."""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

KEPT_DIGESTS = 2000
DIGEST = re.compile("sha256:[0-9a-f]{64}")


def is_digest(value: object) -> bool:
    """Also of a layer's diff id, and of an image's id."""
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


class DigestCache:
    """The sum of a packed layer to that of its files, its diff id.

    It is only a memory: without it an engine sends everything once more.
    """

    def __init__(self, file: Path | None = None) -> None:
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self._file = file or Path(cache) / "parterre" / "layers.json"
        self._layers: dict[str, str] = {}
        with suppress(OSError, ValueError, RecursionError):
            found = json.loads(self._file.read_text())
            if isinstance(found, dict):
                self._layers = {
                    digest: layer
                    for digest, layer in found.items()
                    if is_digest(digest) and is_digest(layer)
                }

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
