"""Metrics for Prometheus that every service has, and how all of them are declared, counted and shown.

A service declares its own in its ``metrics.py``, once and without a registry; whoever shows them registers
them. Labels take values of a known set only, and nothing that somebody has typed. Several processes behind
one address share their values through the files of ``PROMETHEUS_MULTIPROC_DIR``; prometheus_client reads
that variable when it is imported, so it must be set before.
"""

import atexit
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase, disable_created_metrics

from service_kit.shared_metrics import SharedMetrics, fold_ended_processes

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

# Without a second series for each counter, which nobody reads.
_without_times_of_creation: Any = disable_created_metrics
_without_times_of_creation()

if os.environ.get(FOLDER_VARIABLE):
    Path(os.environ[FOLDER_VARIABLE]).mkdir(parents=True, exist_ok=True)
    fold_ended_processes(Path(os.environ[FOLDER_VARIABLE]))

TRANSACTION_SECONDS = Histogram(
    "database_transaction_seconds",
    "Time from the begin of a transaction to its end, with what its process computes between.",
    ("outcome",),
    registry=None,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
TRANSACTION_RETRIES = Counter(
    "database_transaction_retries_total",
    "Transactions that were begun again.",
    ("reason",),
    registry=None,
)
POOL_IN_USE = Gauge(
    "database_pool_in_use_connections",
    "Connections of the pool that somebody uses.",
    registry=None,
    multiprocess_mode="livesum",
)
POOL_SIZE = Gauge(
    "database_pool_size_connections",
    "Connections that the pool may have.",
    registry=None,
    multiprocess_mode="livesum",
)
CIRCUIT_OPEN = Gauge(
    "circuit_breaker_open",
    "1 while calls to what is named are refused because it was away a moment ago, else 0.",
    ("dependency",),
    registry=None,
    # Not the highest: a process that has failed once, and has had nothing to ask since, knows nothing.
    multiprocess_mode="livemostrecent",
)
RATE_LIMIT_REFUSALS = Counter(
    "rate_limit_refusals_total",
    "Requests that were refused because their caller has sent too many.",
    ("limit",),
    registry=None,
)
REQUESTS_SHED = Counter(
    "http_requests_shed_total",
    "Requests that were sent away because as many were inside as the process can serve.",
    registry=None,
)
JOB_RUNS = Counter("job_runs_total", "Runs of periodic jobs.", ("name", "outcome"), registry=None)
PUBLISHED = Counter(
    "outbox_messages_published_total", "Messages that the queue has taken.", registry=None
)
PUBLISHED_AGAIN = Counter(
    "outbox_messages_published_again_total",
    "Messages that were put on the queue once more, because the consumer never saw them.",
    registry=None,
)
OF_EACH_PROCESS = (TRANSACTION_SECONDS, TRANSACTION_RETRIES, CIRCUIT_OPEN)
OF_APIS = (*OF_EACH_PROCESS, POOL_IN_USE, POOL_SIZE, RATE_LIMIT_REFUSALS, REQUESTS_SHED)
OF_JOBS = (*OF_EACH_PROCESS, JOB_RUNS)
OF_RELAYS = (*OF_JOBS, PUBLISHED, PUBLISHED_AGAIN)

# What begins again: PostgreSQL's choice of a victim, or a race that was lost and may be won.
RETRY_REASONS = {"40P01": "deadlock", "40001": "serialization"}
for reason in ("deadlock", "serialization", "race"):
    TRANSACTION_RETRIES.labels(reason)
COMMITTED, ROLLED_BACK = map(TRANSACTION_SECONDS.labels, ("committed", "rolled-back"))

_pending: ContextVar[list[tuple[Counter, float]] | None] = ContextVar("counts", default=None)


def count(counter: Counter, amount: float = 1) -> None:
    """Adds to a counter: inside a transaction once it has committed, and not at all if it rolls back."""
    pending = _pending.get()
    if pending is None:
        counter.inc(amount)
    else:
        pending.append((counter, amount))


@contextlib.contextmanager
def counting_on_commit() -> Iterator[None]:
    """Around a transaction: what is counted inside counts when the block ends without an exception."""
    before = _pending.get()
    counts: list[tuple[Counter, float]] = []
    _pending.set(counts)
    try:
        yield
    finally:
        # Not by a token: FastAPI may end a request's session in another context than it began in.
        _pending.set(before)
    for counter, amount in counts:
        counter.inc(amount)


def register(registry: CollectorRegistry, metrics: Iterable[MetricWrapperBase]) -> None:
    for metric in metrics:
        registry.register(metric)


def expose(registry: CollectorRegistry) -> bytes:
    """All metrics in the text format of Prometheus; of all processes where several share them."""
    return generate_latest(shared_registry(registry))


def shared_registry(registry: CollectorRegistry) -> CollectorRegistry:
    """What is to be shown for ``registry``: itself, or what several processes share."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return registry
    shared = CollectorRegistry()
    shared.register(SharedMetrics(Path(folder), registry))
    return shared


def forget_ended_processes() -> None:
    """For a process that was forked, so that those before it leave no files where nobody looks."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        fold_ended_processes(Path(folder))


def share_among_processes() -> None:
    """Before a server starts its processes: they share their values from now on."""
    folder = tempfile.mkdtemp(prefix="metrics-")
    os.environ[FOLDER_VARIABLE] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
