"""The delay until the next attempt at a mail."""

import random
from datetime import timedelta

from notification_service.settings import WorkerSettings


def retry_delay(
    attempts: int, *, is_outage: bool, settings: WorkerSettings, spread: float | None = None
) -> timedelta:
    """Exponential backoff with a limit and jitter: up to half of the delay is taken off at random, so
    that mails that failed together are not retried together. ``spread`` (0 to 1) replaces chance.

    An outage ends for all mails at once, so its limit is lower.
    """
    longest = settings.outage_retry_longest_seconds if is_outage else settings.retry_longest_seconds
    doubled = settings.retry_first_seconds * 2.0 ** min(max(attempts, 1) - 1, 30)
    share = random.random() if spread is None else spread  # noqa: S311
    return timedelta(seconds=min(doubled, longest) * (1 - share / 2))
