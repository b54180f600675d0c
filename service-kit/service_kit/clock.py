"""The time, in UTC; as a function of its own so that a service function can be given another."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)
