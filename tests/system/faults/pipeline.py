"""A sender's outbox, real relays, the queue, workers: all that lies between a commit and a mailbox."""

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from celery import Celery
from redis import Redis
from sqlalchemy import MetaData, text
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from notification_service.delivery.context import WorkerContext
from notification_service.health import QUEUE_KEY
from notification_service.maintenance import maintain
from notification_service.messages.queries import list_missing
from notification_service.rendering.mime import message_id
from notification_service.settings import Settings, WorkerSettings
from service_kit.database.engine import Database
from service_kit.messaging.celery_app import create_celery
from service_kit.messaging.contract import BATCH_TASKS
from service_kit.messaging.outbox import OutboxRow, outbox_indexes
from service_kit.messaging.periodic import repeat
from service_kit.messaging.queue_length import QueueLength
from service_kit.messaging.relay import QueuePublisher, Relay
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import Message, make_message
from tests.processes import OneProcess
from tests.system.faults.processes import start_worker
from tests.system.faults.table import Tally

IS_FULL = os.environ.get("FAULTS") == "full"
RECONCILE_SECONDS = 1.0
# What takes longer than this does not come at all, also on a busy machine.
PATIENCE_SECONDS = 600.0 if IS_FULL else 120.0

# Of a worker that is to try no mail again only because the machine is slow: each try may double it, and
# without a sweep none comes.
PATIENT = {"lease_seconds": 60.0, "smtp_timeout_seconds": 10.0}

WORKER = "notification_service.tasks"
FORGETFUL = "tests.system.faults.mutants.forgetful"
MAIL_DOMAIN = "parterre.example"

Publish = Callable[[list[Any]], list[UUID]]


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Outbox(OutboxRow, Base, table=True):
    __table_args__ = outbox_indexes()


@dataclass
class Pipeline:
    options: dict[str, Any]
    database: Database
    queue: Celery[Any]
    mail_server: MailServerForTests
    folder: Path
    note: Callable[[Tally], None]
    messages: list[Message] = field(default_factory=list)
    workers: list[OneProcess] = field(default_factory=list)

    async def ask(self, count: int) -> list[Message]:
        """Commits messages to the outbox, as a sender would."""
        messages = [make_message() for _ in range(count)]
        async with self.database.transaction() as session:
            for message in messages:
                row = Outbox(
                    id=UUID(message["id"]),
                    task="notifications.send",
                    topic=message["topic"],
                    message=message,
                )
                session.add(row)
        self.messages += messages
        return messages

    def start_worker(self, **options: Any) -> OneProcess:
        log = self.folder / f"worker{len(self.workers)}.log"
        module = options.pop("module", WORKER)
        worker = start_worker({**self.options, **options}, log, module=module)
        self.workers.append(worker)
        return worker

    async def worker(self, **options: Any) -> OneProcess:
        """A worker that takes tasks."""
        worker = self.start_worker(**options)
        await until(lambda: worker.says("ready."), "the worker starts")
        return worker

    async def _count(self, condition: str, table: str = "notification") -> int:
        ids = [message["id"] for message in self.messages]
        async with self.database.sessions() as session:
            found = await session.execute(
                text(f"SELECT count(*) FROM {table} WHERE id = ANY(:ids) AND {condition}"),
                {"ids": ids},
            )
            return int(found.scalar_one())

    async def count_sent(self) -> int:
        return await self._count("status = 'sent'")

    async def all_sent(self) -> bool:
        return await self._count("status = 'sent'") == len(self.messages)

    async def all_postponed(self) -> bool:
        return await self._count("last_error IS NOT NULL") == len(self.messages)

    async def all_failed(self) -> bool:
        return await self._count("status = 'failed'") == len(self.messages)

    async def count_under_way(self) -> int:
        return await self._count("status = 'sending'")

    async def all_published(self) -> bool:
        return await self._count("published_at IS NOT NULL", "outbox") == len(self.messages)

    async def has_tried_again(self) -> bool:
        """Some message went to the queue in vain, and is on its way there for the second time."""
        return await self._count("published_at IS NULL AND attempts > 1", "outbox") > 0

    async def ask_until_one_is_sent(self) -> None:
        """For where others are lost: what comes after them is sent, sooner or later."""
        markers: list[Message] = []

        def is_one_sent() -> bool:
            return any(_identity(marker) in self.copies for marker in markers)

        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_one_sent():
                markers += await self.ask(1)
                with contextlib.suppress(AssertionError):
                    await until(is_one_sent, "one is sent", seconds=1)

    async def publish_again(self) -> None:
        """As after a relay that died between the queue and its own database."""
        async with self.database.transaction() as session:
            await session.execute(
                text("UPDATE outbox SET published_at = NULL, next_attempt_at = now()")
            )

    async def is_worked_off(self) -> bool:
        """Nothing is on the queue, and nothing under way."""
        async with self.database.sessions() as session:
            found = await session.execute(
                text("SELECT count(*) FROM notification WHERE status <> 'sent'")
            )
            is_sent = found.scalar_one() == 0
        return is_sent and await asyncio.to_thread(self._count_waiting) == 0

    def _count_waiting(self) -> int:
        with Redis.from_url(self.options["broker_url"]) as client:
            waiting = client.llen(QUEUE_KEY) + client.hlen(f"{QUEUE_KEY.partition(':')[0]}:unacked")
            return int(waiting)

    def start_counting(self) -> None:
        """What was asked for so far counts no more."""
        self.messages = []

    @property
    def copies(self) -> Counter[str]:
        """How many mails there are of each Message-ID that was asked for."""
        asked = {_identity(message) for message in self.messages}
        received = Counter(mail.message_id for mail in self.mail_server.received)
        return Counter({identity: n for identity, n in received.items() if identity in asked})

    @property
    def lost(self) -> int:
        return len(self.messages) - len(self.copies)

    @property
    def doubled(self) -> int:
        # Looked at once: where a guard is out, mails may still come.
        copies = self.copies
        return sum(copies.values()) - len(copies)

    def report(self, what: str, *, without: str = "", failed: int = 0) -> None:
        """``without`` names the guard that was taken out; what is known to have failed is not lost."""
        lost = self.lost - failed
        self.note((what, without, len(self.messages), lost, self.doubled))

    @property
    def settings(self) -> WorkerSettings:
        return WorkerSettings(**{**self.options, "sweep_seconds": 0.3})

    def _make_relay(
        self,
        publisher: Callable[[Celery[Any], Mapping[str, str]], Publish],
        queue_length: QueueLength | None = None,
    ) -> Relay:
        return Relay(
            self.database,
            Outbox,
            publish=publisher(self.queue, BATCH_TASKS),
            find_missing=self._find_missing,
            reconcile_after=timedelta(seconds=RECONCILE_SECONDS),
            queue_length=queue_length,
        )

    async def _find_missing(self, ids: list[UUID]) -> list[UUID]:
        async with self.database.sessions() as session:
            return await list_missing(session, ids)

    @asynccontextmanager
    async def in_use(
        self,
        *,
        relays: int = 1,
        sweeps: bool = True,
        reconciles: bool = True,
        publisher: Callable[[Celery[Any], Mapping[str, str]], Publish] = QueuePublisher,
        leaves_full_queue: bool = False,
    ) -> AsyncIterator[None]:
        """Relays, and the sweep, until the block ends."""
        stop = asyncio.Event()
        queue_length = QueueLength(self.settings) if leaves_full_queue else None
        async with asyncio.TaskGroup() as tasks:
            for relay in [self._make_relay(publisher, queue_length) for _ in range(relays)]:
                tasks.create_task(repeat(relay.publish_due, every_seconds=0.05, stop=stop))
                if reconciles:
                    again = repeat(relay.reconcile, every_seconds=RECONCILE_SECONDS, stop=stop)
                    tasks.create_task(again)
            if sweeps:
                tasks.create_task(self._maintain(stop))
            try:
                yield
            finally:
                stop.set()
        if queue_length is not None:
            await queue_length.close()

    async def _maintain(self, stop: asyncio.Event) -> None:
        async with WorkerContext(self.settings) as context:
            await maintain(context, stop)


def _identity(message: Message) -> str:
    return message_id(message["dedup_key"], domain=MAIL_DOMAIN)


async def until(
    condition: Callable[[], bool | Awaitable[bool]],
    what: str,
    *,
    seconds: float = PATIENCE_SECONDS,
) -> None:
    try:
        async with asyncio.timeout(seconds):
            while True:
                found = condition()
                if found if isinstance(found, bool) else await found:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{seconds:g} s were not enough until {what}") from None


@asynccontextmanager
async def build_pipeline(
    options: dict[str, Any],
    mail_server: MailServerForTests,
    folder: Path,
    note: Callable[[Tally], None],
) -> AsyncIterator[Pipeline]:
    settings = Settings(**options)
    database = Database(settings, application_name="sender")
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    pipeline = Pipeline(
        options, database, create_celery("sender", settings), mail_server, folder, note
    )
    try:
        yield pipeline
    finally:
        for worker in pipeline.workers:
            worker.end()
        pipeline.queue.close()
        await database.close()
