"""How long a mail waits for its next attempt."""

from typing import Any

import pytest

from notification_service.delivery.backoff import retry_delay
from notification_service.settings import WorkerSettings

OPTIONS: dict[str, Any] = {
    "environment": "test", "database_url": "x", "cache_redis_url": "x", "broker_url": "x",
    "smtp_url": "smtp://localhost", "mail_from": "a@parterre.example",
}  # fmt: skip


def make_settings(**changed: Any) -> WorkerSettings:
    return WorkerSettings(**{**OPTIONS, **changed})


SETTINGS = make_settings()


@pytest.mark.parametrize(
    ("attempts", "is_outage", "spread", "seconds"),
    [
        (1, False, 0.0, 2), (2, False, 0.0, 4), (3, False, 0.0, 8), (3, False, 1.0, 4),
        (11, False, 0.0, 2048), (12, False, 0.0, 3600), (10**6, False, 0.0, 3600),
        (5, True, 0.0, 32), (6, True, 0.0, 60), (10**6, True, 1.0, 30), (0, False, 0.0, 2),
    ],
)  # fmt: skip
def test_it_doubles_up_to_a_limit(
    attempts: int, is_outage: bool, spread: float, seconds: float
) -> None:
    delay = retry_delay(attempts, is_outage=is_outage, settings=SETTINGS, spread=spread)

    assert delay.total_seconds() == seconds


def test_what_failed_together_does_not_come_back_together() -> None:
    delays = {retry_delay(8, is_outage=False, settings=SETTINGS) for _ in range(50)}

    assert len(delays) > 40


@pytest.mark.parametrize(
    "changed",
    [
        {"smtp_url": "http://localhost"},
        {"smtp_url": "smtp://"},
        {"mail_from": "Parterre"},
        {"mail_from": "Parterre <tickets@parterre.example>\nBcc: x"},
        {"lease_seconds": 20, "smtp_timeout_seconds": 10},
    ],
)
def test_settings_that_cannot_work_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        make_settings(**changed)
