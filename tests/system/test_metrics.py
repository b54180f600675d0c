"""What each process of a real stack shows to Prometheus, before and after a booking and its mail."""

from collections.abc import Callable

import httpx
import pytest

from stack.programs import WITHOUT_HTTP, metrics_port
from stack.services import SERVICES
from stack.stack import Stack
from tests.metrics import bad_names, differences, documented, families, moved
from tests.system.conftest import Mailbox, Person, publish, wait_until

COMMON = "Of every process"
JOBS = "Relays and maintenance"
SECTIONS = {
    "auth": (COMMON, "Of each service's API", "auth-service"),
    "event": (COMMON, "Of each service's API", "event-service"),
    "notification": (COMMON, "Of each service's API", "notification-service"),
    "auth-relay": (COMMON, JOBS),
    "event-relay": (COMMON, JOBS, "event-service"),
    "notification-worker": (COMMON, "Worker"),
    "notification-maintenance": (COMMON, JOBS),
    "notification-beat": ("Beat",),
}
# Of what their sections describe, these have no part in: bookings, pages and doors; an outbox.
NOT_SHOWN = {
    "event-relay": {
        "booking_requests_total", "booking_seats_total", "booking_batch_requests", "check_ins_total",
        "page_cache_reads_total", "waitlist_waiting_entries",
        "organizer_messages_oldest_unwritten_seconds",
    },
    "notification": {"outbox_oldest_unpublished_seconds"},
    "notification-maintenance": {
        "outbox_messages_published_total", "outbox_messages_published_again_total",
    },
}  # fmt: skip
PROCESSES = (*(service.name for service in SERVICES), *WITHOUT_HTTP)


def read(stack: Stack, process: str) -> str:
    """Waits for a process that has just started: nothing else says that Celery is ready."""
    port = stack.ports[process if process in stack.ports else metrics_port(process)]

    def ask() -> str | None:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
        except httpx.ConnectError:
            return None
        assert answer.status_code == 200
        return answer.text

    shown: str = wait_until(ask, seconds=60, what=f"metrics of {process}")
    return shown


# The worker knows of the mail server from its first mail on, which the organizer has had.
@pytest.mark.usefixtures("organizer")
@pytest.mark.parametrize("process", PROCESSES)
def test_each_process_shows_what_is_described(stack: Stack, process: str) -> None:
    described = documented(*SECTIONS[process])
    missing = {f"{name}: not shown" for name in NOT_SHOWN.get(process, ())}

    def is_as_described() -> bool:
        shown = families(read(stack, process))
        assert shown
        assert bad_names(shown) == []
        return set(differences(shown, described)) == missing

    wait_until(is_as_described, seconds=10, what=f"what is described of {process}")


def test_a_booking_and_its_mail_move_the_metrics_of_all_who_take_part(
    stack: Stack, organizer: Person, person: Callable[..., Person], mailbox: Mailbox
) -> None:
    event = publish(organizer, title="Counted")
    guest = person("counted")
    before = {process: read(stack, process) for process in PROCESSES}
    assert guest.book(event, 3).status_code == 201
    mailbox.wait_for(guest.email, 2)

    def found(process: str) -> dict[str, float]:
        return moved(before[process], read(stack, process))

    assert found("event")["booking_seats_total{confirmed,}"] == 3
    published = "outbox_messages_published_total"
    assert wait_until(lambda: found("event-relay").get(published), seconds=10, what=published) == 1
    # Counted by one of the worker's processes, and told by their parent.
    sent = "mails_total{booking-confirmed,sent}"
    assert wait_until(lambda: found("notification-worker").get(sent), seconds=10, what=sent) == 1
    assert 'task="notifications.send"' in read(stack, "notification-worker")
    for process in PROCESSES:
        assert guest.email not in read(stack, process)


def test_the_workers_processes_are_counted(stack: Stack) -> None:
    [line] = [
        line
        for line in read(stack, "notification-worker").splitlines()
        if line.startswith("worker_running_processes ")
    ]
    assert float(line.split()[1]) >= 1
