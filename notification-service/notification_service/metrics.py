"""What notification-service counts. ``service_kit.metrics`` has what every service counts, and says how; all
of it is described in deploy/MONITORING.md."""

from prometheus_client import Counter, Gauge

from notification_service.kinds.registry import KINDS
from notification_service.statuses import FINISHED, MailStatus
from service_kit.metrics import OF_EACH_PROCESS, OF_JOBS

MAILS = Counter(
    "mails_total",
    "Mails that were sent, that nobody needs any more, or that have failed.",
    ("kind", "outcome"),
    registry=None,
)
MAIL_ATTEMPTS = Counter(
    "mail_attempts_total", "Attempts to send a mail.", ("kind", "outcome"), registry=None
)
TASKS = Counter(
    "worker_tasks_total", "Tasks that the worker has run.", ("task", "outcome"), registry=None
)
WORKER_PROCESSES = Gauge(
    "worker_running_processes",
    "Processes of the worker that take tasks.",
    registry=None,
    multiprocess_mode="livesum",
)
BEAT_TASKS = Counter(
    "beat_tasks_sent_total", "Periodic tasks that beat has put on the queue.", registry=None
)
BEAT_TICK = Gauge(
    "beat_last_tick_timestamp_seconds",
    "When beat has last looked at its schedule, in seconds since 1970.",
    registry=None,
    multiprocess_mode="mostrecent",
)

# The names of the classes in delivery/outcome.py.
ATTEMPT_OUTCOMES = (
    "sent", "dropped", "failed", "postponed", "waiting", "nottried", "leaselost",
)  # fmt: skip
TASK_OUTCOMES = ("success", "failure")

OF_WORKER = (*OF_EACH_PROCESS, MAILS, MAIL_ATTEMPTS, TASKS, WORKER_PROCESSES)
OF_BEAT = (BEAT_TASKS, BEAT_TICK)
OF_MAINTENANCE = OF_JOBS

# Before they count: Prometheus sees no increase in a series that begins at 1.
for kind in (*KINDS, "unknown"):
    for status in FINISHED:
        MAILS.labels(kind, status)
    for outcome in ATTEMPT_OUTCOMES:
        MAIL_ATTEMPTS.labels(kind, outcome)


def count_finished(kind: str, status: MailStatus) -> None:
    if status in FINISHED:
        MAILS.labels(_known(kind), status).inc()


def count_attempt(kind: str, outcome: str) -> None:
    MAIL_ATTEMPTS.labels(_known(kind), outcome).inc()


def _known(kind: str) -> str:
    """A newer release may know other kinds."""
    return kind if kind in KINDS else "unknown"
