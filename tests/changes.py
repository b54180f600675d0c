"""The database itself writes down each change of a state and each message, by transaction, so that a
test can ask which changes nobody was told of."""

import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from sqlalchemy import text

from service_kit.database.engine import Database

Change = tuple[str, str, str]

WATCH_MESSAGES = """
    CREATE TABLE seen (tx bigint, what text, was text, is_now text);
    CREATE FUNCTION watch_outbox() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO seen VALUES (
            txid_current(), 'message', coalesce(NEW.message->>'kind', NEW.topic), ''
        );
        RETURN NULL; END $$;
    CREATE TRIGGER watch_outbox AFTER INSERT ON outbox
    FOR EACH ROW EXECUTE FUNCTION watch_outbox()
"""


def _watch(what: str, state: str) -> str:
    table, _, column = what.partition(".")
    name = what.replace(".", "_")
    before, after = (state.format(row=row) for row in ("OLD", "NEW"))
    return f"""
        CREATE FUNCTION watch_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE was text := ''; is_now text := '';
        BEGIN
            IF TG_OP <> 'INSERT' THEN was := {before}; END IF;
            IF TG_OP <> 'DELETE' THEN is_now := {after}; END IF;
            IF was <> is_now THEN
                INSERT INTO seen VALUES (txid_current(), '{what}', was, is_now);
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER watch_{name} AFTER {"UPDATE" if column else "INSERT OR UPDATE OR DELETE"}
        ON {table} FOR EACH ROW EXECUTE FUNCTION watch_{name}()
    """


@asynccontextmanager
async def watching(database: Database, states: Mapping[str, str]) -> AsyncIterator[None]:
    """``states`` has an SQL expression of a ``{row}`` for each table, or for a part of one under
    ``table.part``, of which only updates count."""
    watches = (WATCH_MESSAGES, *(_watch(what, state) for what, state in states.items()))
    await run(database, (part for watch in watches for part in re.split(r";\n(?= +CREATE)", watch)))
    yield
    names = [what.replace(".", "_") for what in states]
    await run(database, (f"DROP FUNCTION watch_{name} CASCADE" for name in (*names, "outbox")))
    await run(database, ["DROP TABLE seen"])


async def run(database: Database, statements: Iterable[str]) -> None:
    async with database.transaction() as session:
        for statement in statements:
            await session.execute(text(statement))


async def changes(database: Database) -> list[tuple[Change, set[str]]]:
    """Each change, with the kinds of the messages of its transaction (or topics, of what is no
    mail)."""
    async with database.transaction() as session:
        found = (await session.execute(text("SELECT tx, what, was, is_now FROM seen"))).all()
    kinds: dict[int, set[str]] = {}
    for tx, what, was, _ in found:
        if what == "message":
            kinds.setdefault(tx, set()).add(was)
    return [((w, a, b), kinds.get(tx, set())) for tx, w, a, b in found if w != "message"]
