"""How an attempt at a mail can end. The notes are read by guests and quote nobody."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class Sent:
    """The mail server has taken it."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Nobody needs it any more. ``forget`` also clears what was kept for its text."""

    note: str
    forget: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """It cannot be sent, and trying again would not change that. ``error`` is told to Sentry."""

    reason: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class Postponed:
    """It is tried again later. ``because`` an outage concerns every mail, ``the-mail`` this one."""

    reason: str
    because: Literal["outage", "the-mail"]
    error: BaseException


Reason = Literal["address", "allowance", "confirmation"]
# What the guest reads of each; and how a mail is known that was held back once.
HELD_BACK: dict[Reason, str] = {
    "address": "waits until the address is confirmed",
    "allowance": "waits because many mails went to this address within an hour",
    "confirmation": "waits until an hour after the confirmation",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """It is held back on purpose, which is no failure of anybody's: it is looked at again after
    ``delay``, or when what it waits for has come."""

    waits_for: Reason
    delay: timedelta

    @property
    def note(self) -> str:
        return HELD_BACK[self.waits_for]


@dataclass(frozen=True, slots=True)
class NotTried:
    """Its turn did not come, or what it says has changed meanwhile; it is due at once."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The row belongs to somebody else by now, or has come to its end: nothing is to be done."""


Outcome = Sent | Dropped | Failed | Postponed | Waiting | NotTried | Taken
