"""Deleting what is old, a bounded batch at a time: one statement for a million rows would hold their
locks, and a snapshot, for as long as it takes."""

from typing import Any

from sqlalchemy import ColumnElement, Delete, Table, any_, delete, func, literal_column, select

from service_kit.database.engine import Database, affected_rows

ROWS_PER_BATCH = 1_000


def delete_some(table: Table, *conditions: ColumnElement[bool], limit: int) -> Delete:
    """Deletes up to ``limit`` rows, passing by those that somebody has locked."""
    address: ColumnElement[Any] = literal_column("ctid")
    chosen = (
        select(address)
        .select_from(table)
        .where(*conditions)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return delete(table).where(address == any_(func.array(chosen)))


async def delete_in_batches(database: Database, table: Table, *conditions: Any) -> int:
    """Each batch is a transaction of its own; how many rows went. Any number may do this at once."""
    deleted = 0
    statement = delete_some(table, *conditions, limit=ROWS_PER_BATCH)
    while True:
        async with database.transaction() as session:
            batch = affected_rows(await session.execute(statement))
        deleted += batch
        if batch < ROWS_PER_BATCH:
            return deleted
