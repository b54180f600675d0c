"""The Celery worker: ``celery -A notification_service.worker worker --queues notifications``; the same
module for ``beat`` and ``flower``. What is done every second is no task: see ``maintenance``.

A task takes ids, or the message as it came, and returns nothing: Flower shows both.
"""

import logging
import os
import signal
import sys
from typing import Any
from uuid import UUID

from notification_service.delivery import reception
from notification_service.delivery.post_office import PostOffice
from notification_service.delivery.service import deliver as deliver_mail
from notification_service.flower import guard_flower
from notification_service.previews.service import preview_sample
from notification_service.queueing import QUEUE
from notification_service.rendering.formats import LOCALES
from notification_service.settings import WorkerSettings
from service_kit.messaging.celery_app import (
    ProcessLoop,
    create_celery,
    prepare_worker,
    worker_process_init,
    worker_process_shutdown,
)
from service_kit.settings import load_settings

TIDY_SECONDS = 3600

guard_flower(sys.argv, os.environ)
settings = load_settings(WorkerSettings)
app = create_celery("notification-service", settings)
prepare_worker("notification-worker", settings)
loop = ProcessLoop()
_office: list[PostOffice] = []

# Two lines for each task, of which there are hundreds a second; a mail has its own line.
for chatty in ("celery.worker.strategy", "celery.app.trace"):
    logging.getLogger(chatty).setLevel(logging.WARNING)

app.conf.update(
    task_default_queue=QUEUE,
    worker_concurrency=settings.worker_processes,
    # Periods only, so that nothing need be remembered on a disk.
    beat_scheduler="celery.beat:Scheduler",
    beat_schedule={
        "tidy": {
            "task": "notifications.tidy",
            "schedule": TIDY_SECONDS,
            # While no worker runs, one may wait, and not hundreds.
            "options": {"expires": TIDY_SECONDS / 2, "argsrepr": "old mails, hourly"},
        },
    },
)


def office() -> PostOffice:
    """This process's own, made at its first task: no connection may be older than the fork."""
    if not _office:
        _office.append(loop.run(_open_office()))
    return _office[0]


async def _open_office() -> PostOffice:
    return PostOffice(settings)


@worker_process_init.connect(weak=False)
def finish_the_current_send(**_: Any) -> None:
    """SIGTERM goes to the whole group under systemd and in a terminal; the parent tells each process
    to end once its task is done."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@worker_process_init.connect(weak=False)
def open_early(**_: Any) -> None:
    """Compiles the templates and writes a mail, so that the first guest does not wait for it."""
    for locale in LOCALES:
        preview_sample(office().writer, "booking-confirmed", locale)


@worker_process_shutdown.connect(weak=False)
def close_office(**_: Any) -> None:
    if _office:
        loop.run(_office.pop().close())
    loop.close()


@app.task(name="notifications.send")
def send(message: dict[str, Any]) -> None:
    loop.run(reception.receive(office(), [message]))


@app.task(name="notifications.send_many")
def send_many(messages: list[dict[str, Any]]) -> None:
    loop.run(reception.receive(office(), messages))


@app.task(name="notifications.deliver")
def deliver(ids: list[str] | str) -> None:
    """One id in messages of the release before."""
    some = [ids] if isinstance(ids, str) else ids
    loop.run(deliver_mail(office(), *map(UUID, some)))


@app.task(name="notifications.sweep")
def sweep() -> None:
    """Nothing: beats of the release before still ask for it while they are being replaced."""


@app.task(name="notifications.address_confirmed")
def address_confirmed(message: dict[str, Any]) -> None:
    loop.run(reception.address_confirmed(office(), message))


@app.task(name="notifications.erase_user")
def erase_user(message: dict[str, Any]) -> None:
    loop.run(reception.erase_user(office(), message))


@app.task(name="notifications.tidy")
def tidy() -> None:
    loop.run(reception.tidy(office()))
