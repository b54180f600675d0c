"""Celery on Redis, set so that what can be lost is little and what is lost is found again.

The queue only carries: the outbox row of the sender and the row of the consumer decide.
"""

import asyncio
import contextvars
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, TypeVar
from uuid import UUID

import sentry_sdk
import structlog
import uvloop
from celery import Celery, Task
from celery.exceptions import TaskPredicate
from celery.signals import (
    before_task_publish,
    setup_logging,
    worker_before_create_process,
    worker_process_init,
    worker_process_shutdown,
)
from celery.worker.request import Request
from kombu.transport import virtual

from service_kit.messaging.broker import TRANSPORT
from service_kit.observability.logs import configure_logging
from service_kit.sentry import configure_sentry
from service_kit.settings import ServiceSettings

VISIBILITY_TIMEOUT_SECONDS = 120
KEY_PREFIX = "parterre:"
TASK_SOFT_LIMIT_SECONDS = 40
TASK_HARD_LIMIT_SECONDS = 50

# A header with the time, in seconds since 1970, at which a message was put on the queue.
SENT_AT = "parterre_sent_at"

ResultT = TypeVar("ResultT")

log = structlog.get_logger()


def create_celery(name: str, settings: ServiceSettings) -> Celery[Any]:
    """A Celery application that publishes to the broker; with tasks it makes a worker."""
    app: Celery[Any] = Celery(
        name, broker=settings.broker_url.get_secret_value(), task_cls=BaseTask
    )
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_time_limit=TASK_HARD_LIMIT_SECONDS,
        task_soft_time_limit=TASK_SOFT_LIMIT_SECONDS,
        task_send_sent_event=True,
        worker_send_task_events=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_transport=TRANSPORT,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "unacked_restore_limit": 100,
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
            "health_check_interval": 10,
            "global_keyprefix": KEY_PREFIX,
        },
        timezone="UTC",
    )
    return app


@before_task_publish.connect(weak=False)
def note_time(headers: dict[str, Any], **_: Any) -> None:
    headers[SENT_AT] = time.time()


def describe(messages: Sequence[tuple[str, datetime | None, UUID | str]]) -> str:
    """What Flower shows of a task for messages of (kind, when it was written, id): which kinds there
    are, how old they are, and their ids. Nothing of what they hold."""
    kinds = Counter(kind for kind, _, _ in messages)
    named = [f"{count} {kind}" if len(messages) > 1 else kind for kind, count in kinds.items()]
    times = sorted(at.astimezone(UTC) for _, at, _ in messages if at is not None)
    written = [f"{at:%Y-%m-%d %H:%M:%S}" for at in dict.fromkeys(times[:1] + times[-1:])]
    since = f"; written {' to '.join(dict.fromkeys(written))} UTC" if written else ""
    return f"{', '.join(named)}{since}; {', '.join(str(one) for _, _, one in messages)}"


class TaskCrashed(Exception):
    """What Flower shows of an exception: the name of its type, and nothing that it quotes."""


class DiscreetRequest(Request):
    """Shows to ``inspect``, and so to Flower, what the sender wants shown of a message; and gives back
    the place of a message that could not be acknowledged."""

    def info(self, safe: bool = False) -> Any:
        return super().info(safe=True)

    def acknowledge(self) -> None:
        super().acknowledge()
        self._free_place()

    def reject(self, requeue: bool = False) -> None:
        super().reject(requeue)
        self._free_place()

    def _free_place(self) -> None:
        """Where Redis did not answer, Celery says so in the log and goes on, but kombu counts the
        message among those in hand: after as many as there are processes it would fetch no more
        (celery#2415). Redis brings such a message back after the visibility timeout."""
        if not self.message.acknowledged:
            virtual.QoS.ack(self.message.channel.qos, self.message.delivery_tag)


class BaseTask(Task):  # type: ignore[type-arg]  # only celery-types has Task[...]
    """Binds the request id of the message to the logs of the task that handles it. An exception goes
    to log and Sentry as it is, and on to Celery without its words."""

    abstract = True
    Request = f"{__name__}:DiscreetRequest"
    # Sentry has been told of the cause; it need not hear of this as well.
    throws = (TaskCrashed,)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        message = args[0] if args and isinstance(args[0], dict) else {}
        with structlog.contextvars.bound_contextvars(
            task_id=self.request.id, request_id=message.get("request_id")
        ):
            try:
                return super().__call__(*args, **kwargs)
            except TaskPredicate:
                raise
            except Exception as error:
                log.error("task.crashed", task=self.name, exc_info=error)
                sentry_sdk.capture_exception(error)
                crashed = TaskCrashed(type(error).__name__)
            raise crashed


class ProcessLoop:
    """The one event loop of a worker process; connections made on it live as long as it does."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        if self._runner is None:
            self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        try:
            # The runner's own context is of its first task, and so would be the logs' request id.
            return self._runner.run(work, context=contextvars.copy_context())
        except BaseException:
            self._end_what_is_left(self._runner.get_loop())
            raise

    @staticmethod
    def _end_what_is_left(loop: asyncio.AbstractEventLoop) -> None:
        """Celery's time limit is raised in the midst of the loop; what it broke off must not go on
        in the next task's run."""
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    def close(self) -> None:
        if self._runner is not None:
            self._runner.close()
            self._runner = None


def process_name(service: str, arguments: Sequence[str]) -> str:
    """``notification-beat``, ``notification-flower`` or ``notification-worker``: Celery's own programs all
    import the worker's module, and are told apart by their command line."""
    programs = {PurePath(one).stem for one in arguments} & {"beat", "flower"}
    return f"{service}-{programs.pop() if programs else 'worker'}"


def prepare_worker(name: str, settings: ServiceSettings) -> None:
    """Logs and Sentry for the worker and for each of its processes."""

    @setup_logging.connect(weak=False)
    def on_setup_logging(**_: Any) -> None:
        configure_logging(name, settings.log_level)

    def watch() -> None:
        configure_sentry(name, settings)

    watch()

    @worker_process_init.connect(weak=False)
    def on_process_init(**_: Any) -> None:
        # The transport's thread does not survive the fork.
        watch()


__all__ = [
    "BaseTask",
    "DiscreetRequest",
    "ProcessLoop",
    "TaskCrashed",
    "create_celery",
    "describe",
    "prepare_worker",
    "process_name",
    "worker_before_create_process",
    "worker_process_init",
    "worker_process_shutdown",
]
