"""How an attempt to send a mail ends. Guests read the notes, so a note quotes nobody."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


class Outcome:
    """Base of all outcomes; ``record.py`` writes each of them to the mail's row."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Sent(Outcome):
    """The mail server has accepted the mail. ``reply``: its codes and its own name for the mail."""

    reply: str


@dataclass(frozen=True, slots=True)
class Dropped(Outcome):
    """Nobody needs the mail any more. ``forget`` also deletes the data of its text."""

    note: str
    forget: bool = False


@dataclass(frozen=True, slots=True)
class Failed(Outcome):
    """The mail cannot be sent, and another attempt would not help. ``error`` goes to Sentry."""

    reason: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class Postponed(Outcome):
    """The mail is tried again later.

    ``because``: an outage concerns every mail, ``the-mail`` only this one. ``may_be_sent``: the mail
    server may have accepted the mail all the same.
    """

    reason: str
    because: Literal["outage", "the-mail"]
    error: BaseException
    may_be_sent: bool = False


WaitReason = Literal["address", "allowance", "confirmation"]
# What the guest reads for each reason; the timeline of a mail that has waited contains one of them.
WAIT_NOTES: dict[WaitReason, str] = {
    "address": "waits until the address is confirmed",
    "allowance": "waits because many mails went to this address within an hour",
    "confirmation": "waits until an hour after the confirmation",
}


@dataclass(frozen=True, slots=True)
class Waiting(Outcome):
    """The mail is held back on purpose, which is no failure. It is tried again after ``delay``, or as
    soon as what it waits for has happened."""

    waits_for: WaitReason
    delay: timedelta

    @property
    def note(self) -> str:
        return WAIT_NOTES[self.waits_for]


@dataclass(frozen=True, slots=True)
class NotTried(Outcome):
    """The batch ran out of time, or the content is outdated. The mail is due again at once."""


@dataclass(frozen=True, slots=True)
class LeaseLost(Outcome):
    """Another worker has the row by now, or its mail is finished; then there is nothing to record. Or too
    little of the lease is left for a mail server that takes its time: then the mail is due again at once.
    """
