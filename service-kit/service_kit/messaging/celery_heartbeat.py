"""Heartbeats of Celery's own loops: the worker's and beat's."""

from typing import Any

from celery.beat import Scheduler
from celery.signals import heartbeat_sent
from celery.worker import state

from service_kit.observability.heartbeat import Heartbeat


def show_heartbeat_of_worker(*, task_limit_seconds: float) -> None:
    """The worker's parent touches the file every two seconds, from the loop that fetches messages, while
    the broker is there. A message in hand for longer than its task may take shows processes that are
    stuck, which ``celery inspect ping`` would not."""
    heartbeat = Heartbeat.from_environment(stuck_after_seconds=task_limit_seconds)

    @heartbeat_sent.connect(weak=False)
    def on_heartbeat_sent(**_: Any) -> None:
        heartbeat.beat_with([request.id for request in state.reserved_requests])


class HeartbeatScheduler(Scheduler):
    """Keeps its schedule in memory, and touches the file each time that it has looked at it."""

    # Longest pause between two looks.
    max_interval = 15

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._heartbeat = Heartbeat.from_environment(stuck_after_seconds=self.max_interval)

    def tick(self, *arguments: Any, **options: Any) -> float:
        seconds: float = super().tick(*arguments, **options)
        self._heartbeat.beat()
        return seconds
