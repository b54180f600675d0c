"""What /proc/meminfo tells."""

import re
from pathlib import Path

MEMINFO = Path("/proc/meminfo")


def field_bytes(meminfo: str, name: str) -> int | None:
    """Of a line such as ``MemTotal:  2030496 kB``; None where there is none."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", meminfo, re.MULTILINE)
    return int(found[1]) << 10 if found else None


def available_bytes(file: Path = MEMINFO) -> int:
    """What may be used without swapping; 0 where that is not known."""
    try:
        return field_bytes(file.read_text(), "MemAvailable") or 0
    except OSError:
        return 0
