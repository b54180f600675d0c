"""The states of a signing key: published -> signing -> retired -> withdrawn.

They follow from timestamps alone, so that all processes agree without a switch at the right moment. A
key is published at once, signs from its ``signs_from`` until that of the next key, and is withdrawn when
its last token has expired.
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


def key_states(keys: Sequence[Timed], *, now: datetime, grace: timedelta) -> dict[str, State]:
    """The state of each key by its ``kid``. ``grace`` is how long tokens may be in use after a key has
    stopped signing."""
    ordered = sorted(keys, key=lambda key: (key.signs_from, key.kid))
    states: dict[str, State] = {}
    for key, successor in zip(ordered, [*ordered[1:], None], strict=True):
        if key.signs_from > now and key is not ordered[0]:
            states[key.kid] = State.PUBLISHED
        elif successor is None or successor.signs_from > now:
            states[key.kid] = State.SIGNING
        elif successor.signs_from + grace > now:
            states[key.kid] = State.RETIRED
        else:
            states[key.kid] = State.WITHDRAWN
    return states
