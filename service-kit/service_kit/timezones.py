"""Time zones by the rules of the ``tzdata`` package, which is pinned, in every process.

``zoneinfo`` would ask the machine first, whose rules may be years old, and others on another machine:
a mail could name an hour that the browser does not.
"""

import zoneinfo
from functools import lru_cache


def use_pinned_rules() -> None:
    """From now on, and for zones of which there is one already when they are asked for again."""
    zoneinfo.reset_tzpath(())
    zoneinfo.ZoneInfo.clear_cache()


# More than there are; what a caller sends grows nothing.
@lru_cache(1024)
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """The time zone; UTC, which is then named, for one that is not known."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")
