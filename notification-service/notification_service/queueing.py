"""Puts mails that are due on the queue, many in one task: a task costs Celery more than a mail costs
its worker."""

from collections.abc import Sequence
from typing import Any

from celery import Celery

from notification_service.delivery.queries import Due
from service_kit.messaging.celery_app import describe

QUEUE = "notifications"
MAILS_PER_TASK = 20


def put_on_queue(queue: Celery[Any], due: Sequence[Due]) -> None:
    """Raises what the broker's connection raises; what is not put there is due again soon."""
    with queue.producer_pool.acquire(block=True, timeout=5) as producer:
        for first in range(0, len(due), MAILS_PER_TASK):
            some = due[first : first + MAILS_PER_TASK]
            queue.send_task(
                "notifications.deliver",
                args=[[str(mail.id) for mail in some]],
                argsrepr=describe([(mail.kind, mail.created_at, mail.id) for mail in some]),
                kwargsrepr="{}",
                queue=QUEUE,
                producer=producer,
                retry=False,
            )
