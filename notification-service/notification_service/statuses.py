"""The statuses of a mail, and which may follow which.

Members are strings, so that JSON, SQL parameters and comparisons with stored text work as they are.
"""

from collections.abc import Mapping
from enum import StrEnum


class MailStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


UNSENT = (MailStatus.QUEUED, MailStatus.SENDING)
FINISHED = (MailStatus.SENT, MailStatus.FAILED, MailStatus.DROPPED)

# Each status, and those that may follow it. A resend queues what was sent, operators what has failed.
STATUS_CHANGES: Mapping[MailStatus, frozenset[MailStatus]] = {
    MailStatus.QUEUED: frozenset({MailStatus.SENDING, MailStatus.FAILED, MailStatus.DROPPED}),
    MailStatus.SENDING: frozenset({MailStatus.QUEUED, *FINISHED}),
    MailStatus.SENT: frozenset({MailStatus.QUEUED}),
    MailStatus.FAILED: frozenset({MailStatus.QUEUED}),
    MailStatus.DROPPED: frozenset(),
}


def may_be_queued_again(status: MailStatus) -> bool:
    """Whether a finished mail can be sent once more."""
    return MailStatus.QUEUED in STATUS_CHANGES[status]
