"""Puts due mails on the queue, many in one task: a task costs Celery more than a mail costs the worker."""

from collections.abc import Sequence
from typing import Any

from celery import Celery

from notification_service.delivery.sweep import Due
from service_kit.messaging.celery_app import describe

QUEUE = "notifications"
MAILS_PER_TASK = 20


def put_on_queue(queue: Celery[Any], due: Sequence[Due]) -> None:
    """Raises the errors of the broker's connection; the mails are due again after ``REQUEUE_SECONDS``."""
    with queue.producer_pool.acquire(block=True, timeout=5) as producer:
        for first in range(0, len(due), MAILS_PER_TASK):
            mails = due[first : first + MAILS_PER_TASK]
            queue.send_task(
                "notifications.deliver",
                args=[[str(mail.id) for mail in mails]],
                argsrepr=describe([(mail.kind, mail.created_at, mail.id) for mail in mails]),
                kwargsrepr="{}",
                queue=QUEUE,
                producer=producer,
                retry=False,
            )
