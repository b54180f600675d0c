"""A sender's outbox, real relays, the queue, workers: all that lies between a commit and a mailbox."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
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

from notification_service.health import QUEUE_KEY
from notification_service.messages.queries import list_missing
from notification_service.settings import Settings
from service_kit.database import Database
from service_kit.outbox import OutboxRow, outbox_indexes
from service_kit.queue import create_queue
from service_kit.relay import QueuePublisher, Relay, repeat
from tests.notifications.faults.processes import OneProcess, start_worker
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import Message, make_message

RECONCILE_SECONDS = 1.0
# Two processes at most: where these are the limits, the machine is to blame.
PATIENCE_SECONDS = 60.0

Publish = Callable[[list[Any]], list[UUID]]


class Base(SQLModel, registry=registry(metadata=MetaData())):
    pass


class Outbox(OutboxRow, Base, table=True):
    __table_args__ = outbox_indexes()


@dataclass
class Road:
    options: dict[str, Any]
    database: Database
    queue: Celery[Any]
    mail_server: MailServerForTests
    folder: Path
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
        module = options.pop("module", "notification_service.worker")
        worker = start_worker({**self.options, **options}, log, module=module)
        self.workers.append(worker)
        return worker

    async def worker(self, **options: Any) -> OneProcess:
        """A worker that takes tasks."""
        worker = self.start_worker(**options)
        await until(lambda: worker.says("ready."), "the worker starts")
        return worker

    async def statuses(self) -> Counter[str]:
        async with self.database.sessions() as session:
            found = await session.execute(text("SELECT status FROM notifications"))
            return Counter(found.scalars())

    async def all_sent(self) -> bool:
        return (await self.statuses())["sent"] == len(self.messages)

    async def published(self, count: int) -> bool:
        async with self.database.sessions() as session:
            found = await session.execute(
                text("SELECT count(*) FROM outbox WHERE published_at IS NOT NULL")
            )
            return int(found.scalar_one()) >= count

    async def reasons(self, like: str) -> list[str]:
        """The errors of unsent mails that hold these words."""
        async with self.database.sessions() as session:
            found = await session.execute(
                text("SELECT last_error FROM notifications WHERE last_error LIKE :like"),
                {"like": f"%{like}%"},
            )
            return list(found.scalars())

    async def publish_again(self) -> None:
        """As after a relay that died between the queue and its own database."""
        async with self.database.transaction() as session:
            await session.execute(
                text("UPDATE outbox SET published_at = NULL, next_attempt_at = now()")
            )

    async def forget_keys(self) -> None:
        """Takes from the receiver what it knows a message by."""
        async with self.database.transaction() as session:
            for constraint in ("pk_notifications", "uq_notifications_dedup_key"):
                await session.execute(
                    text(f"ALTER TABLE notifications DROP CONSTRAINT {constraint}")
                )

    async def is_worked_off(self) -> bool:
        """Nothing is on the queue, nothing under way, and all that was asked for is sent."""
        statuses = await self.statuses()
        waiting = await asyncio.to_thread(self._count_waiting)
        return waiting == 0 and set(statuses) == {"sent"}

    def _count_waiting(self) -> int:
        with Redis.from_url(self.options["broker_url"]) as client:
            waiting = client.llen(QUEUE_KEY) + client.hlen(f"{QUEUE_KEY.partition(':')[0]}:unacked")
            return int(waiting)

    @property
    def copies(self) -> Counter[str]:
        """How many mails there are of each Message-ID."""
        return Counter(mail.message_id for mail in self.mail_server.taken)

    @property
    def lost(self) -> int:
        return len(self.messages) - len(self.copies)

    @property
    def doubled(self) -> int:
        return sum(self.copies.values()) - len(self.copies)

    def report(self, title: str) -> None:
        print(f"{title}: {len(self.messages)} mails, {self.lost} lost, {self.doubled} doubled")

    def make_relay(self, publish: Publish | None = None) -> Relay:
        return Relay(
            self.database,
            Outbox,
            publish=publish or QueuePublisher(self.queue),
            find_missing=self._find_missing,
            reconcile_after=timedelta(seconds=RECONCILE_SECONDS),
        )

    async def _find_missing(self, ids: list[UUID]) -> list[UUID]:
        async with self.database.sessions() as session:
            return await list_missing(session, ids)

    @asynccontextmanager
    async def in_use(
        self, *, relays: int = 1, sweeps: bool = True, reconciles: bool = True
    ) -> AsyncIterator[None]:
        """Relays, and the sweep that beat asks for, until the block ends."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for relay in [self.make_relay() for _ in range(relays)]:
                tasks.create_task(repeat(relay.publish_due, every_seconds=0.05, stop=stop))
                if reconciles:
                    again = repeat(relay.reconcile, every_seconds=RECONCILE_SECONDS, stop=stop)
                    tasks.create_task(again)
            if sweeps:
                tasks.create_task(repeat(self._ask_for_sweep, every_seconds=0.3, stop=stop))
            try:
                yield
            finally:
                stop.set()

    async def _ask_for_sweep(self) -> None:
        await asyncio.to_thread(
            self.queue.send_task,
            "notifications.sweep",
            queue="notifications",
            expires=5,
            retry=False,
        )


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
async def build_road(
    options: dict[str, Any], mail_server: MailServerForTests, folder: Path
) -> AsyncIterator[Road]:
    settings = Settings(**options)
    database = Database(settings, application_name="sender")
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    road = Road(options, database, create_queue("sender", settings), mail_server, folder)
    try:
        yield road
    finally:
        for worker in road.workers:
            worker.end()
        road.queue.close()
        await database.close()
