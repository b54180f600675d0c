"""Where settings are read beside the environment: files of secrets, and names of the release before."""

import os
import sys
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

# New name, old name: read for one release more.
RENAMED = {"max_concurrent_requests": "MAX_REQUESTS_INSIDE"}


def read_secret(path: str | Path) -> str:
    """The content of a file but for one line break at its end, which editors and ``echo`` add. What
    else stands there belongs to the secret. Raises OSError, UnicodeDecodeError."""
    # Not as text, which would change line breaks.
    return Path(path).read_bytes().decode().removesuffix("\n")


def file_of(name: str) -> str | None:
    """The file that gives a setting its value: what ``NAME_FILE`` names, as container secrets are given,
    else the file ``NAME`` in the folder that ``SETTINGS_FOLDER`` names, if there is one."""
    if given := os.environ.get(f"{name.upper()}_FILE"):
        return given
    folder = os.environ.get("SETTINGS_FOLDER")
    path = Path(folder, name.upper()) if folder else None
    return str(path) if path and path.is_file() else None


class FileSource(PydanticBaseSettingsSource):
    """Reads settings from files. They come before the environment."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = file_of(field_name)
        return read_secret(path) if path else None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found


class OldNameSource(PydanticBaseSettingsSource):
    """Settings under the names that they had in the release before, with a warning."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return os.environ.get(RENAMED.get(field_name, "")) or None, field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is None or os.environ.get(name.upper()):
                continue
            print(
                f"{RENAMED[name]} is now called {name.upper()}: rename it, the next release does not"
                " read it any more",
                file=sys.stderr,
            )
            values[key] = value
        return values
