"""How fast mails go out: through outbox, relay, Celery, contact look-up, rendering and SMTP, one worker.

Everything real, on the bench's servers: auth-service with accounts, the relay of event-service, the
worker of notification-service, and the mailbox that ``./scripts/up`` starts as well.
"""

import asyncio
import contextlib
import itertools
import smtplib
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx

from benchmarks.lines import Line, by_turns
from benchmarks.servers import Bench, statements
from notification_service.previews.samples import sample_data
from service_kit.ids import new_id
from service_kit.messaging.notifications import notification
from service_kit.messaging.outbox import OutboxRow
from stack.errors import StackError
from stack.services import AUTH, EVENT, NOTIFICATION

# So many that nobody gets more within the hour than an address may get.
GUESTS = 1000
WARM_MAILS = 200
BACKLOG = 2000
BOOKINGS_PER_SECOND = 50
PATIENCE_SECONDS = 120.0
PROGRAMS = ("auth", "notification", "notification-worker", "notification-maintenance")


class Outbox(OutboxRow):
    """Its rows are written by a statement of our own, many at once."""


def mails(bench: Bench) -> list[Line]:
    """Confirmations, and how long one takes at fifty bookings a second."""
    guests = [new_id() for _ in range(GUESTS)]
    with _mail_processes(bench):
        bench.sql(AUTH, statements.add_guests, ids=guests)
        through_all, alone = _rates(bench, guests)
        event_id = bench.publish(100_000, max_seats_per_user=1000)
        asyncio.run(_book(bench, guests, event_id, 2.0))
        booking_ids = asyncio.run(_book(bench, guests, event_id, 2 * bench.seconds))
        delays = sorted(_delays(bench, booking_ids))
    slow = delays[min(len(delays) - 1, len(delays) * 99 // 100)]
    return [
        Line("confirmations, smtplib alone", through_all, alone, "/s", ">= 0.3"),
        Line("p99 from booking to mail, a second", slow, 1000, "ms", "<= 1"),
    ]


@contextlib.contextmanager
def _mail_processes(bench: Bench) -> Iterator[None]:
    # event-service trusts the bench's tokens; the mails ask the real auth-service for accounts.
    bench.start_some(*PROGRAMS, AUTH_SERVICE_URL=bench.url("auth"))
    try:
        yield
    finally:
        for name in reversed(PROGRAMS):
            bench.processes[name].stop()


def _rates(bench: Bench, guests: list[UUID]) -> tuple[float, float]:
    """Confirmations a second that wait in the outbox, and the same finished mails by ``smtplib``."""
    _send_backlog(bench, guests, WARM_MAILS)
    took, alone = by_turns(
        bench.turns,
        lambda: _send_backlog(bench, guests, BACKLOG),
        lambda: _by_smtplib(bench, bench.seconds),
    )
    return BACKLOG / took, alone


def _send_backlog(bench: Bench, guests: list[UUID], count: int) -> float:
    """Seconds from the commit of ``count`` messages to the last one's being known as sent."""
    messages = [
        notification(
            Outbox,
            kind="booking-confirmed",
            user_id=guest,
            dedup_key=f"bench:{new_id()}",
            data=sample_data("booking-confirmed") | {"booking_id": str(new_id())},
            version=1,
        )
        for guest in itertools.islice(itertools.cycle(guests), count)
    ]
    ids = [message.id for message in messages]
    began = time.time()
    documents = [message.message for message in messages]
    bench.sql(EVENT, statements.add_messages, ids=ids, messages=documents)
    return max(_sent_at(bench, ids).values()) - began


def _sent_at(bench: Bench, ids: list[UUID]) -> dict[UUID, float]:
    """When each of the messages was sent, in seconds since 1970. Raises StackError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        rows = bench.sql(NOTIFICATION, statements.mails_sent, ids=ids)
        if len(rows) == len(ids):
            return {row.id: row.at for row in rows}
        # Seldom, so that the question does not cost what it measures.
        time.sleep(0.5)
    raise StackError(f"bench: {len(ids) - len(rows)} mails are not sent")


def _by_smtplib(bench: Bench, seconds: float) -> float:
    """Mails a second by a loop over finished mails, on one connection to the same mailbox."""
    with httpx.Client(base_url=bench.url("mailbox")) as http:
        items = http.get("/api/v2/messages", params={"limit": GUESTS}).json()["items"]
        downloads = [f"/api/v1/messages/{item['ID']}/download" for item in items]
        sources = itertools.cycle([http.get(path).content for path in downloads])
    sent, began = 0, time.perf_counter()
    with smtplib.SMTP("127.0.0.1", bench.ports["smtp"]) as smtp:
        while (took := time.perf_counter() - began) < seconds:
            smtp.sendmail("bench@parterre.example", "guest@guests.example", next(sources))
            sent += 1
    return sent / took


async def _book(bench: Bench, guests: list[UUID], event_id: str, seconds: float) -> list[str]:
    """Books over HTTP, ``BOOKINGS_PER_SECOND``; the bookings' ids. Each starts at its time, however
    long those before it take."""
    headers = [{"Authorization": f"Bearer {bench.token(guest)}"} for guest in guests]
    body: Any = {"event_id": event_id, "quantity": 1}

    async with httpx.AsyncClient(base_url=f"{bench.url('event')}/api/v1", timeout=30) as http:

        async def book(number: int) -> str:
            await asyncio.sleep(number / BOOKINGS_PER_SECOND)
            answer = await http.post("/bookings", json=body, headers=headers[number % GUESTS])
            return str(answer.raise_for_status().json()["id"])

        return await asyncio.gather(*map(book, range(int(seconds * BOOKINGS_PER_SECOND))))


def _delays(bench: Bench, booking_ids: list[str]) -> list[float]:
    """Milliseconds from right before each booking's commit to right after the acceptance of its mail."""
    rows = bench.sql(EVENT, statements.messages_committed, booking_ids=booking_ids)
    committed = {row.id: row.at for row in rows}
    if len(committed) != len(booking_ids):
        raise StackError(f"bench: {len(committed)} messages of {len(booking_ids)} bookings")
    sent = _sent_at(bench, list(committed))
    return [(sent[one] - at) * 1000 for one, at in committed.items()]
