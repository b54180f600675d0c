"""When a mail that could not be sent is tried again."""

import random
from datetime import timedelta

from notification_service.settings import WorkerSettings


def retry_delay(
    attempts: int, *, is_outage: bool, settings: WorkerSettings, spread: float | None = None
) -> timedelta:
    """Doubles with each attempt up to a limit; then up to half of it is taken off at random, so
    that what failed together does not come back together. ``spread`` is 0 to 1.

    An outage is over for all mails at once, so that its limit is lower.
    """
    longest = settings.outage_retry_longest_seconds if is_outage else settings.retry_longest_seconds
    doubled = settings.retry_first_seconds * 2.0 ** min(max(attempts, 1) - 1, 30)
    share = random.random() if spread is None else spread  # noqa: S311
    return timedelta(seconds=min(doubled, longest) * (1 - share / 2))
