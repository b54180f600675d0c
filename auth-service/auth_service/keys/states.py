"""What a signing key does at a time. It follows from timestamps alone, so that no process has to
switch anything at the right moment, and all processes agree.

published -> signing -> retired -> withdrawn: a key is published at once, signs from its
``signs_from`` until the next key's, and is withdrawn when its last token has ended.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class Timed(Protocol):
    @property
    def kid(self) -> str: ...

    @property
    def signs_from(self) -> datetime: ...


class State(StrEnum):
    PUBLISHED = "published"
    SIGNING = "signing"
    RETIRED = "retired"
    WITHDRAWN = "withdrawn"


def states(keys: Sequence[Timed], *, now: datetime, grace: timedelta) -> dict[str, State]:
    """``grace`` is how long tokens of a key may go about after its last signature."""
    ordered = sorted(keys, key=lambda key: (key.signs_from, key.kid))
    found: dict[str, State] = {}
    for key, successor in zip(ordered, [*ordered[1:], None], strict=True):
        if key.signs_from > now and key is not ordered[0]:
            found[key.kid] = State.PUBLISHED
        elif successor is None or successor.signs_from > now:
            found[key.kid] = State.SIGNING
        elif successor.signs_from + grace > now:
            found[key.kid] = State.RETIRED
        else:
            found[key.kid] = State.WITHDRAWN
    return found
