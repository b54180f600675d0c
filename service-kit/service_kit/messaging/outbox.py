"""Transactional outbox: a message is a row of the transaction that caused it.

A service declares its table as ``class OutboxMessage(OutboxRow, Base, table=True)``. The relay
(``service_kit.messaging.relay``) puts the rows on the queue; a row's id is the message's id everywhere.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from sqlalchemy import Index, Select, func, or_, select, text, union, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from service_kit.clock import utc_now
from service_kit.database.engine import affected_rows
from service_kit.database.purging import delete_some
from service_kit.database.tables import table_of
from service_kit.ids import new_id
from service_kit.ordering import order_by_version

RowT = TypeVar("RowT")


class OutboxRow(SQLModel):
    """Columns of every outbox. ``published_at`` is when the queue took it, ``confirmed_at`` when the
    consumer said that it has it; only then may the row go."""

    __tablename__: ClassVar[Any] = "outbox"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    task: str
    topic: str
    message: dict[str, Any] = Field(sa_type=JSONB)
    created_at: datetime = Field(default_factory=utc_now)
    next_attempt_at: datetime = Field(default_factory=utc_now)
    attempts: int = 0
    published_at: datetime | None = None
    confirmed_at: datetime | None = None


def outbox_indexes() -> tuple[Index, ...]:
    """For ``__table_args__``; one for each question that the relay asks."""
    return (
        # claim: what is due
        Index("ix_outbox_due", "next_attempt_at", postgresql_where=text("published_at IS NULL")),
        # claim: what of the same person's goes before
        Index(
            "ix_outbox_waiting_user",
            text("(message->>'user_id')"),
            postgresql_where=text("published_at IS NULL"),
        ),
        # reconcile: what the consumer has not confirmed
        Index(
            "ix_outbox_unconfirmed",
            "published_at",
            postgresql_where=text("published_at IS NOT NULL AND confirmed_at IS NULL"),
        ),
        # purge: what is done with
        Index(
            "ix_outbox_confirmed",
            "confirmed_at",
            postgresql_where=text("confirmed_at IS NOT NULL"),
        ),
    )


def in_order(claimed: Iterable[Any]) -> list[Any]:
    """By their ids, which are made in the order of time; but the messages to a person about one event in
    the order of its versions, because clocks differ."""
    by_id = sorted(claimed, key=lambda row: str(row.id))
    return order_by_version(by_id, subject=_subject, version=_version)


def _subject(row: Any) -> tuple[str, str] | None:
    data = row.message.get("data")
    has_event = isinstance(data, dict) and data.get("event_id")
    return (row.message.get("user_id"), data["event_id"]) if has_event else None


def _version(row: Any) -> int:
    version = row.message.get("version")
    return version if isinstance(version, int) else 0


class OutboxQueries:
    """What the relay asks of an outbox table. Each method is one statement of its own."""

    def __init__(self, outbox: type[OutboxRow]) -> None:
        self.table = table_of(outbox)

    async def claim(
        self, session: AsyncSession, *, limit: int, lease: timedelta
    ) -> list[tuple[UUID, str, dict[str, Any], str | None]]:
        """Takes due rows for ``lease``: should this relay die, another finds them due again.

        Half of them are those that have waited longest. If more than those wait, the other half are
        the newest, so that they need not wait for a backlog's end, with what goes before them to the
        same people.
        """
        rows = self.table.c
        oldest = await self._take(session, self._due(rows.next_attempt_at, limit // 2), lease)
        newest: Sequence[Any] = ()
        if len(oldest) == limit // 2:
            latest = self._due(rows.next_attempt_at.desc(), limit // 2).cte("latest")
            of_the_same = (
                select(rows.id)
                .where(
                    rows.message["user_id"].astext.in_(select(latest.c.user_id)),
                    rows.published_at.is_(None),
                    rows.next_attempt_at <= func.now(),
                )
                .order_by(rows.next_attempt_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
                .cte("of_the_same")
            )
            both = union(select(latest.c.id), select(of_the_same.c.id))
            newest = await self._take(session, both, lease)
        found = in_order([*oldest, *newest])
        return [(r.id, r.task, r.message, r.message.get("request_id")) for r in found]

    def _due(self, order: Any, limit: int) -> Select[Any]:
        rows = self.table.c
        return (
            select(rows.id, rows.message["user_id"].astext.label("user_id"))
            .where(rows.published_at.is_(None), rows.next_attempt_at <= func.now())
            .order_by(order)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )

    async def _take(self, session: AsyncSession, which: Any, lease: timedelta) -> Sequence[Any]:
        rows = self.table.c
        chosen = which.cte("chosen")
        claimed = await session.execute(
            update(self.table)
            .where(rows.id.in_(select(chosen.c.id)))
            .values(next_attempt_at=func.now() + lease, attempts=rows.attempts + 1)
            .returning(rows.id, rows.task, rows.message)
        )
        return claimed.all()

    async def mark_published(self, session: AsyncSession, ids: list[UUID]) -> None:
        rows = self.table.c
        await session.execute(
            update(self.table).where(rows.id.in_(ids)).values(published_at=func.now())
        )

    async def postpone(self, session: AsyncSession, ids: list[UUID], delay: timedelta) -> None:
        rows = self.table.c
        await session.execute(
            update(self.table)
            .where(rows.id.in_(ids))
            .values(next_attempt_at=func.now() + delay, published_at=None)
        )

    async def publish_again(self, session: AsyncSession, ids: list[UUID]) -> None:
        """Makes rows due that the consumer has never seen. They are as old as they are: a moment of
        now would put them before what is new, for which half of a claim is kept."""
        rows = self.table.c
        await session.execute(
            update(self.table)
            .where(rows.id.in_(ids))
            .values(next_attempt_at=rows.created_at, published_at=None)
        )

    async def unconfirmed(
        self, session: AsyncSession, *, older_than: timedelta, limit: int
    ) -> list[UUID]:
        rows = self.table.c
        found = await session.execute(
            select(rows.id)
            .where(
                rows.confirmed_at.is_(None),
                rows.published_at.is_not(None),
                rows.published_at < func.now() - older_than,
            )
            .order_by(rows.published_at)
            .limit(limit)
        )
        return list(found.scalars())

    async def mark_confirmed(self, session: AsyncSession, ids: list[UUID]) -> None:
        rows = self.table.c
        await session.execute(
            update(self.table).where(rows.id.in_(ids)).values(confirmed_at=func.now())
        )

    async def purge(self, session: AsyncSession, *, older_than: timedelta, limit: int) -> int:
        """Deletes at most ``limit`` rows; how many."""
        is_old = self.table.c.confirmed_at < func.now() - older_than
        return affected_rows(await session.execute(delete_some(self.table, is_old, limit=limit)))

    async def oldest_unpublished_seconds(self, session: AsyncSession) -> float:
        """Age of the oldest row that was due and is not on the queue; 0.0 if none.

        By when it was written: each attempt in vain moves the next one away.
        """
        rows = self.table.c
        was_due = or_(rows.attempts > 0, rows.next_attempt_at <= func.now())
        age = await session.execute(
            select(func.extract("epoch", func.now() - func.min(rows.created_at))).where(
                rows.published_at.is_(None), was_due
            )
        )
        return max(0.0, float(age.scalar() or 0.0))
