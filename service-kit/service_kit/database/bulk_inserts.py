"""Values for ``INSERT ... SELECT``: many rows by one statement, however many they are.

A row object each would keep the event loop busy inside the transaction, until PostgreSQL ends it
(``idle_in_transaction_session_timeout``), and every other request waits meanwhile.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    String,
    Uuid,
    cast,
    func,
    literal,
    literal_column,
    text,
)

# A UUIDv7 (RFC 9562) by PostgreSQL itself, which has uuidv7() from 18 on only: 48 bits of milliseconds,
# then random ones; the two bits turn the version from 4 to 7.
NEW_ID_IN_SQL = (
    "encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing substring(int8send("
    "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),"
    " 52, 1), 53, 1), 'hex')::uuid"
)

# Some seconds for 30,000 rows on a busy machine, where a statement of a request usually has fewer.
ALLOW_LONG_STATEMENTS = text("SET LOCAL statement_timeout = '60s'")


def new_id_in_sql() -> ColumnElement[Any]:
    return literal_column(NEW_ID_IN_SQL, Uuid())


def json_object(**values: Any) -> ColumnElement[Any]:
    """``jsonb_build_object`` of columns by name."""
    pairs: list[Any] = []
    for name, value in values.items():
        pairs += [literal_column(f"'{name}'"), value]
    return func.jsonb_build_object(*pairs)


def as_text(value: str) -> ColumnElement[str]:
    return cast(literal(value), String)


def as_timestamp(value: datetime) -> ColumnElement[datetime]:
    return cast(literal(value), DateTime(timezone=True))
