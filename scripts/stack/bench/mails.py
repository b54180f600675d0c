"""How fast mails go out: through outbox, relay, Celery, contact look-up, rendering and SMTP, one worker.

Everything real, on the bench's servers: auth-service with accounts, the relay of event-service, the
worker of notification-service, and the mailbox that ``./scripts/up`` starts as well.
"""

import asyncio
import contextlib
import json
import smtplib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from notification_service.previews.samples import sample_data
from service_kit.ids import new_id
from service_kit.messaging.outbox import OutboxRow, notification
from stack import programs
from stack.bench.lines import Line, at_least, at_most
from stack.bench.measuring import Bench
from stack.bench.surroundings import BenchStack, Organizer, Signer
from stack.errors import StackError
from stack.processes import Program
from stack.services import AUTH, EVENT, NOTIFICATION, Service

# So many that nobody gets more within the hour than an address may get.
GUESTS = 1000
WARM_MAILS = 200
BACKLOG, ROUNDS = 2000, 4
BOOKINGS_PER_SECOND = 50
PATIENCE_SECONDS = 120.0

ADD_GUESTS = """
    INSERT INTO account (id, email, hashed_password, is_active, is_superuser, is_verified,
                         full_name, locale, created_at, updated_at)
    SELECT id, 'guest-' || id || '@guests.example', '!', true, false, true, 'Ada Lovelace', 'en',
           now(), now()
    FROM unnest($1::uuid[]) AS id
"""
ADD_MESSAGES = """
    INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts)
    SELECT id, 'notifications.send', 'booking.confirmed.v1', message, now(), now(), 0
    FROM unnest($1::uuid[], $2::jsonb[]) AS one (id, message)
"""
# From right before the commit of the booking to right after the acceptance of its mail.
DELAYS = """
    SELECT extract(epoch FROM sent_at)::float8 AS at, id FROM notifications
    WHERE id = ANY($1::uuid[]) AND status = 'sent'
"""


class Outbox(OutboxRow):
    """Its rows are written by a statement of our own, many at once."""


@dataclass
class Rates:
    through_all: float
    smtplib: float


class Mails:
    """Mail processes on a stack that has none, for the time of a ``with``."""

    def __init__(self, stack: BenchStack, signer: Signer) -> None:
        self._stack = stack
        self._signer = signer
        self.guests = [new_id() for _ in range(GUESTS)]

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        stack = self._stack
        every = programs.services(stack.environments, stack.ports, stack.var)
        names = ("auth", "notification", "notification-worker", "notification-maintenance")
        ours = {program.name: program for program in every if program.name in names}
        # The bench's event-service trusts the bench's tokens; the mails ask the real accounts.
        for name, program in ours.items():
            environment = {**program.environment, "AUTH_SERVICE_URL": stack.url("auth")}
            ours[name] = Program(**{**vars(program), "environment": environment})
        stack.start_all(list(ours.values()))
        asyncio.run(self._add_guests())
        try:
            yield
        finally:
            for name in reversed(names):
                stack.processes[name].stop()

    def _url(self, service: Service) -> str:
        password = self._stack.secrets[f"{service.name}-database"]
        port = self._stack.ports["postgres"]
        return f"postgresql://{service.database}:{password}@127.0.0.1:{port}/{service.database}"

    async def _add_guests(self) -> None:
        async with connected(self._url(AUTH)) as accounts:
            await accounts.execute(ADD_GUESTS, self.guests)

    def rates(self, seconds: float) -> Rates:
        """Confirmations that wait in the outbox, sent; and the same finished mails by ``smtplib``. By
        turns, so that what the machine does meanwhile falls on both."""
        asyncio.run(self._send_backlog(WARM_MAILS))
        took, alone = 0.0, []
        for _ in range(ROUNDS):
            took += asyncio.run(self._send_backlog(BACKLOG))
            alone.append(self._by_smtplib(seconds / 2))
        return Rates(ROUNDS * BACKLOG / took, sum(alone) / ROUNDS)

    async def _send_backlog(self, count: int) -> float:
        """Seconds from the commit of ``count`` messages to the last one's being known as sent."""
        messages = [
            notification(
                Outbox,
                topic="booking.confirmed.v1",
                kind="booking-confirmed",
                user_id=self.guests[number % GUESTS],
                dedup_key=f"bench:{new_id()}",
                data=sample_data("booking-confirmed") | {"booking_id": str(new_id())},
                version=1,
            )
            for number in range(count)
        ]
        ids = [message.id for message in messages]
        async with connected(self._url(EVENT)) as outbox:
            began = time.time()
            await outbox.execute(ADD_MESSAGES, ids, [message.message for message in messages])
        return max((await self._sent_at(ids)).values()) - began

    async def _sent_at(self, ids: list[UUID]) -> dict[UUID, float]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        async with connected(self._url(NOTIFICATION)) as notifications:
            while time.monotonic() < deadline:
                found = await notifications.fetch(DELAYS, ids)
                if len(found) == len(ids):
                    return {row["id"]: row["at"] for row in found}
                # Seldom, so that the question does not cost what it measures.
                await asyncio.sleep(0.5)
        raise StackError(f"bench: {len(ids) - len(found)} mails are not sent")

    def _by_smtplib(self, seconds: float) -> float:
        """A loop over mails that are finished, on one connection to the same mailbox."""
        mailbox = self._stack.url("mailbox")
        items = httpx.get(f"{mailbox}/api/v2/messages", params={"limit": GUESTS}).json()["items"]
        with httpx.Client(base_url=mailbox) as http:
            mails = [http.get(f"/api/v1/messages/{i['ID']}/download").content for i in items]
        sent, began = 0, time.perf_counter()
        with smtplib.SMTP("127.0.0.1", self._stack.ports["smtp"]) as smtp:
            while (took := time.perf_counter() - began) < seconds:
                smtp.sendmail(
                    "bench@parterre.example", "guest@guests.example", mails[sent % len(mails)]
                )
                sent += 1
        return sent / took

    def delays(self, organizer: Organizer, seconds: float) -> list[float]:
        """Milliseconds from a booking's commit to the acceptance of its mail, in order of size, at
        ``BOOKINGS_PER_SECOND`` over HTTP."""
        event = organizer.publish(
            seating={"kind": "general", "capacity": 100_000}, max_seats_per_user=1000
        )
        asyncio.run(self._book(event["id"], 2.0))
        booked = asyncio.run(self._book(event["id"], seconds))
        return sorted(asyncio.run(self._delays(booked)))

    async def _book(self, event_id: str, seconds: float) -> list[str]:
        """The bookings' ids. Each starts at its time, however long those before it take."""
        headers = [{"Authorization": f"Bearer {self._signer.token(g)}"} for g in self.guests]
        count = int(seconds * BOOKINGS_PER_SECOND)

        async with httpx.AsyncClient(base_url=self._stack.url("event"), timeout=30) as http:

            async def book(number: int) -> str:
                await asyncio.sleep(number / BOOKINGS_PER_SECOND)
                answer = await http.post(
                    "/api/v1/bookings",
                    json={"event_id": event_id, "quantity": 1},
                    headers=headers[number % GUESTS],
                )
                return str(answer.raise_for_status().json()["id"])

            return await asyncio.gather(*map(book, range(count)))

    async def _delays(self, booking_ids: list[str]) -> list[float]:
        async with connected(self._url(EVENT)) as outbox:
            found = await outbox.fetch(
                "SELECT id, extract(epoch FROM created_at)::float8 AS at FROM outbox"
                " WHERE message->'data'->>'booking_id' = ANY($1)",
                booking_ids,
            )
        committed = {row["id"]: row["at"] for row in found}
        if len(committed) != len(booking_ids):
            raise StackError(f"bench: {len(committed)} messages of {len(booking_ids)} bookings")
        sent = await self._sent_at(list(committed))
        return [(sent[one] - at) * 1000 for one, at in committed.items()]


def mails(bench: Bench) -> list[Line]:
    """Confirmations, and how long one takes at fifty bookings a second."""
    post = Mails(bench.stack, bench.signer)
    with post.running():
        rates = post.rates(bench.seconds)
        delays = post.delays(bench.organizer, bench.seconds)
    slow = delays[min(len(delays) - 1, len(delays) * 99 // 100)]
    return [
        at_least("confirmations, smtplib alone", rates.through_all, rates.smtplib, "/s", 0.5),
        at_most("p99 from booking to mail, a second", slow, 1000, "ms", 1.0),
    ]


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    try:
        await connection.set_type_codec(
            "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )
        yield connection
    finally:
        await connection.close()
