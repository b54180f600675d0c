"""Shows the metrics of the worker and of beat, which Celery starts.

The worker's processes count, and its parent answers for all: they share files in the folder that
``PROMETHEUS_MULTIPROC_DIR`` names. Where it is not set, the parent knows nothing of what they count.
"""

from typing import Any

from celery import Celery
from celery.signals import (
    beat_init,
    before_task_publish,
    task_postrun,
    worker_process_init,
    worker_ready,
)

from notification_service.metrics import (
    BEAT_TASKS,
    BEAT_TICK,
    OF_BEAT,
    OF_WORKER,
    TASK_OUTCOMES,
    TASKS,
    WORKER_PROCESSES,
)
from service_kit.messaging.celery_heartbeat import HeartbeatScheduler
from service_kit.metrics import forget_ended_processes
from service_kit.observability.metrics_server import MetricsServer
from service_kit.settings import ServiceSettings


class CountingScheduler(HeartbeatScheduler):
    """Beat's, with the time of its last look."""

    def tick(self, *arguments: Any, **options: Any) -> float:
        seconds = super().tick(*arguments, **options)
        BEAT_TICK.set_to_current_time()
        return seconds


def show_metrics(settings: ServiceSettings) -> None:
    """Where ``METRICS_PORT`` says, once Celery has started the worker or beat."""
    servers: list[MetricsServer] = []

    @worker_ready.connect(weak=False)
    def on_worker_ready(sender: Any, **_: Any) -> None:
        touch_tasks(sender.app)
        servers.append(MetricsServer(settings, OF_WORKER))

    @worker_process_init.connect(weak=False)
    def on_process_init(**_: Any) -> None:
        forget_ended_processes()
        WORKER_PROCESSES.set(1)
        for server in servers:
            server.close_in_child()

    @task_postrun.connect(weak=False)
    def on_task_ended(task: Any, state: str | None, **_: Any) -> None:
        TASKS.labels(task.name, str(state).lower()).inc()

    @beat_init.connect(weak=False)
    def on_beat_init(**_: Any) -> None:
        servers.append(MetricsServer(settings, OF_BEAT))
        before_task_publish.connect(on_task_sent, weak=False)


def touch_tasks(app: Celery) -> None:
    """Shows the series of each task before it has run."""
    for name in app.tasks:
        if not name.startswith("celery."):
            for outcome in TASK_OUTCOMES:
                TASKS.labels(name, outcome)


def on_task_sent(**_: Any) -> None:
    BEAT_TASKS.inc()
