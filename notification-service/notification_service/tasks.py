"""The Celery worker: ``celery -A notification_service.tasks worker --queues notifications``; the same
module for ``beat`` and ``flower``. Work of every second is no task: see ``maintenance``.

A task takes ids or the message as it arrived, and returns nothing: Flower shows arguments and results.
"""

import gc
import itertools
import logging
import os
import signal
import sys
from typing import Any
from uuid import UUID

from notification_service.delivery import consumer
from notification_service.delivery.context import WorkerContext
from notification_service.delivery.retention import delete_expired
from notification_service.delivery.service import deliver as deliver_mails
from notification_service.flower_settings import configure_flower
from notification_service.kinds.booking_confirmed import BookingConfirmed
from notification_service.kinds.registry import KINDS
from notification_service.previews.service import preview_sample
from notification_service.process_metrics import CountingScheduler, show_metrics
from notification_service.queueing import QUEUE
from notification_service.rendering.formats import LOCALES
from notification_service.rendering.renderer import EmailRenderer
from notification_service.settings import WorkerSettings
from service_kit.messaging.celery_app import (
    TASK_HARD_LIMIT_SECONDS,
    ProcessLoop,
    create_celery,
    prepare_worker,
    process_name,
    worker_before_create_process,
    worker_process_init,
    worker_process_shutdown,
)
from service_kit.messaging.celery_heartbeat import show_heartbeat_of_worker
from service_kit.messaging.contract import ADDRESS_CONFIRMED, ERASE_USER, SEND, SEND_MANY
from service_kit.settings import load_settings

RETENTION_SECONDS = 3600
# Beyond a task's limit, until its process has been ended and replaced.
SPARE_SECONDS = 20

configure_flower(sys.argv, os.environ)
settings = load_settings(WorkerSettings)
app = create_celery("notification-service", settings)
prepare_worker(process_name("notification", sys.argv), settings)
show_heartbeat_of_worker(task_limit_seconds=TASK_HARD_LIMIT_SECONDS + SPARE_SECONDS)
show_metrics(settings)
loop = ProcessLoop()
_context: list[WorkerContext] = []
# The parent's, for its processes.
_renderers: list[EmailRenderer] = []

# Two lines per task, at hundreds of tasks a second; each mail has a line of its own.
for logger in ("celery.worker.strategy", "celery.app.trace"):
    logging.getLogger(logger).setLevel(logging.WARNING)

app.conf.update(
    task_default_queue=QUEUE,
    worker_concurrency=settings.worker_processes,
    # Periods only, so that beat needs no file for its schedule.
    beat_scheduler=f"{CountingScheduler.__module__}:{CountingScheduler.__qualname__}",
    beat_schedule={
        "tidy": {
            "task": "notifications.tidy",
            "schedule": RETENTION_SECONDS,
            # While no worker runs, one task waits, and not hundreds.
            "options": {"expires": RETENTION_SECONDS / 2, "argsrepr": "old mails, hourly"},
        },
    },
)


def context() -> WorkerContext:
    """This process's context, made at its first task: no connection may be older than the fork."""
    if not _context:
        _context.append(loop.run(_create_context()))
    return _context[0]


async def _create_context() -> WorkerContext:
    return WorkerContext(settings, renderer=_renderers[0] if _renderers else None)


@worker_process_init.connect(weak=False)
def finish_the_current_send(**_: Any) -> None:
    """Under systemd and in a terminal SIGTERM goes to the whole process group. Only the parent reacts:
    it ends each process after its current task."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@worker_before_create_process.connect(weak=False)
def share_memory(**_: Any) -> None:
    """In the parent, before it forks: renders each kind of mail once, so that compiled templates and what
    libraries load at first use are there; and has the garbage collector leave it all alone, which would
    write into each of these pages and so give each process a copy. Four idle processes have 160 MiB with it
    and 338 without."""
    if _renderers:
        return
    renderer = EmailRenderer(settings.public_url, api_url=settings.notification_public_url)
    for kind, locale in itertools.product(KINDS, LOCALES):
        preview_sample(renderer, kind, locale)
    _renderers.append(renderer)
    gc.collect()
    gc.freeze()


@worker_process_init.connect(weak=False)
def warm_up(**_: Any) -> None:
    """Makes the connections' clients and renders a mail, so that the first guest does not wait for it."""
    for locale in LOCALES:
        preview_sample(context().renderer, BookingConfirmed.kind, locale)


@worker_process_shutdown.connect(weak=False)
def close_context(**_: Any) -> None:
    if _context:
        loop.run(_context.pop().close())
    loop.close()


@app.task(name=SEND)
def send(message: dict[str, Any]) -> None:
    loop.run(consumer.receive(context(), [message]))


@app.task(name=SEND_MANY)
def send_many(messages: list[dict[str, Any]]) -> None:
    loop.run(consumer.receive(context(), messages))


@app.task(name="notifications.deliver")
def deliver(ids: list[str] | str) -> None:
    """The release before sends a single id."""
    mail_ids = [ids] if isinstance(ids, str) else ids
    loop.run(deliver_mails(context(), *map(UUID, mail_ids)))


@app.task(name="notifications.sweep")
def sweep() -> None:
    """Does nothing: a beat of the release before asks for it during a rolling deployment."""


@app.task(name=ADDRESS_CONFIRMED)
def address_confirmed(message: dict[str, Any]) -> None:
    loop.run(consumer.address_confirmed(context(), message))


@app.task(name=ERASE_USER)
def erase_user(message: dict[str, Any]) -> None:
    loop.run(consumer.erase_user(context(), message))


@app.task(name="notifications.tidy")
def tidy() -> None:
    loop.run(delete_expired(context()))
