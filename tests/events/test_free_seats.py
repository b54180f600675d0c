"""Reading the free seats of a hall, and choosing groups from what is read."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service.bookings import free_seats
from event_service.bookings.free_seats import GroupRequest, SeatChoice, find_alternatives
from event_service.bookings.sql import statements
from event_service.statuses import SeatKind
from service_kit.database.sql_files import SqlConnection, SqlStatement
from service_kit.ids import new_id
from tests.events.conftest import Json, Publish, User
from tests.events.plans import Plan
from tests.events.test_hall_plans import assigned, plan, seat_ids
from tests.events.test_holds import let_lapse

ACCESSIBLE = SeatKind.ACCESSIBLE
Ids = Iterable[UUID] | None


@pytest.fixture
async def connection(app: FastAPI) -> AsyncIterator[SqlConnection]:
    async with app.state.database.sql_transaction() as connection:
        yield connection


@pytest.fixture
def named(guest: User) -> Callable[[Json], Any]:
    """Gives ids their seats' names: ``A1-3`` is section A, row 1, number 3."""

    async def of(event: Json) -> Callable[[Ids], list[str] | None]:
        names = {UUID(i): f"{s}{r}-{n}" for (s, r, n), i in (await seat_ids(guest, event)).items()}
        return lambda ids: None if ids is None else [names[seat_id] for seat_id in ids]

    return of


HALL: dict[str, list[str | int]] = {
    "A": ["_xxxsssaa_", "ss_ss"],
    "B": ["aassssss", 4],
    "C": ["s"],
}


async def test_groups_are_chosen_in_the_whole_hall_in_a_section_or_of_a_kind(
    published: Publish, connection: SqlConnection, named: Any
) -> None:
    event = await published(seating=assigned(**HALL))
    name = await named(event)
    choice = SeatChoice(connection, UUID(event["id"]))
    for request, group in (
        # the row begins with its blocked seats and ends with its accessible ones
        (GroupRequest(1), ["A1-4"]),
        (GroupRequest(2, "B"), ["B1-3", "B1-4"]),
        (GroupRequest(2), ["A1-5", "A1-6"]),
        (GroupRequest(4), ["B1-5", "B1-6", "B1-7", "B1-8"]),
        (GroupRequest(3), ["B2-1", "B2-2", "B2-3"]),
        (GroupRequest(2, "B", ACCESSIBLE), ["B1-1", "B1-2"]),
        (GroupRequest(2, None, ACCESSIBLE), ["A1-7", "A1-8"]),
        (GroupRequest(1, None, ACCESSIBLE), None),
        (GroupRequest(5, "A"), None),
        (GroupRequest(1, "nowhere"), None),
        # across the aisle, then across sections
        (GroupRequest(3, "A"), ["A2-1", "A2-2", "A2-3"]),
        (GroupRequest(4), None),
        (GroupRequest(3), ["A2-4", "B2-4", "C1-1"]),
    ):
        ids = name(await choice.choose(request))
        assert (ids and sorted(ids)) == group, request


async def test_taken_seats_are_left_out_and_those_of_lapsed_holds_are_not(
    published: Publish, app: FastAPI, guest: User, connection: SqlConnection, named: Any
) -> None:
    event = await published(seating=assigned(A=["sssss"]))
    name, ids = await named(event), await seat_ids(guest, event)
    await guest.book(event, seat_ids=[ids["A", "1", 1]])
    await guest.book(event, seat_ids=[ids["A", "1", 3]], hold=True)
    hold = await guest.book(event, seat_ids=[ids["A", "1", 4]], hold=True)
    await let_lapse(app, hold.json())
    choice = SeatChoice(connection, UUID(event["id"]))
    assert name(await choice.choose(GroupRequest(2))) == ["A1-4", "A1-5"]
    assert name(await choice.choose(GroupRequest(1))) == ["A1-2"]
    assert await choice.choose(GroupRequest(1)) is None


@pytest.mark.parametrize(
    ("rows", "size", "group"),
    [
        # the chunk ends in the midst of a row, which is read again as a whole
        (["sss", "sssss"], 5, ["A2-1", "A2-2", "A2-3", "A2-4", "A2-5"]),
        # the group lies behind the first chunk
        (["s_s_s"] * 3 + ["sss"], 3, ["A4-1", "A4-2", "A4-3"]),
        # or so far behind that it is not looked for
        (["s_s_s"] * 8 + ["sss"], 3, ["A1-1", "A1-2", "A2-1"]),
        # a row of more seats than a chunk has
        (["s" * 9], 3, ["A1-3", "A1-4", "A1-5"]),
        # more than all chunks together
        (["s_s_s"] * 9, 26, None),
    ],
)
async def test_a_long_hall_is_read_in_chunks(
    published: Publish,
    connection: SqlConnection,
    named: Any,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[str | int],
    size: int,
    group: list[str] | None,
) -> None:
    monkeypatch.setattr(free_seats, "SEATS_PER_CHUNK", 5)
    event = await published(seating=assigned(A=rows))
    chosen = await SeatChoice(connection, UUID(event["id"])).choose(GroupRequest(size))
    if group is None:
        assert chosen is not None and len(set(chosen)) == size
    else:
        assert sorted((await named(event))(chosen)) == group


async def test_alternatives_are_near_and_of_the_kind_that_was_wanted(
    published: Publish, guest: User, connection: SqlConnection, named: Any
) -> None:
    event = await published(
        seating=assigned(A=["ssss", "saas", "ssxs"], B=["ss"]), max_seats_per_user=9
    )
    name, ids = await named(event), await seat_ids(guest, event)
    await guest.book(event, seat_ids=[ids["A", "1", 1], ids["A", "2", 2]])

    async def alternatives(*wanted: tuple[str, str, int]) -> list[list[str]]:
        seats = [UUID(ids[seat]) for seat in wanted]
        return [
            name(group) for group in await find_alternatives(connection, UUID(event["id"]), seats)
        ]

    assert await alternatives(("A", "1", 1), ("A", "1", 2)) == [
        ["A1-2", "A1-3"],
        ["A3-1", "A3-2"],
        ["B1-1", "B1-2"],
    ]
    assert await alternatives(("A", "2", 2)) == [["A2-3"]]
    assert (await alternatives(("A", "3", 3)))[0] == ["A3-4"]
    assert await find_alternatives(connection, UUID(event["id"]), [new_id()] * 4) == []


# 2,000 seats lie on some 50 pages, a few accessible ones in each row on 350, all seats of a third of the
# hall on 600.
PAGES_OF_A_CHUNK = 450
SOLD = 70_000


@pytest.fixture(scope="module")
async def large_hall(app: FastAPI) -> AsyncIterator[Json]:
    """100,000 seats in three sections; the front is sold, and each row has two accessible seats."""
    organizer = User(app, new_id())
    rows: list[str | int] = ["a" + "s" * 98 + "a"] * 333
    event = await organizer.post(
        "/events",
        {
            "title": "A", "venue": "A", "city": "A", "timezone": "UTC",
            "starts_at": "2099-01-01T10:00:00Z", "ends_at": "2099-01-01T11:00:00Z",
            "seating": {"kind": "assigned", "sections": plan(A=rows, B=rows, C=rows)},
        },
    )  # fmt: skip
    assert event.status_code == 201, event.text
    booking = {"id": new_id(), "event_id": event.json()["id"], "seats": SOLD}
    async with app.state.database.transaction() as session:
        await session.execute(
            text("""
                INSERT INTO booking
                    (id, event_id, user_id, status, quantity, total, currency, created_at)
                VALUES (:id, :event_id, :id, 'confirmed', :seats, 0, 'EUR', now())
            """),
            booking,
        )
        await session.execute(
            text("""
                UPDATE seat SET booking_id = :id
                WHERE event_id = :event_id AND position <= :seats
            """),
            booking,
        )
    async with app.state.database.engine.connect() as connection:
        connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE seat, seat_row, section"))
    yield event.json()
    async with app.state.database.transaction() as session:
        for statement in (
            "DELETE FROM seat WHERE event_id = :event_id",
            "DELETE FROM booking WHERE id = :id",
            "DELETE FROM event WHERE id = :event_id",
        ):
            await session.execute(text(statement), booking)
    await organizer.http.aclose()


async def explain(
    connection: SqlConnection, statement: SqlStatement, mode: str, **values: Any
) -> Plan:
    """As PostgreSQL runs it the first times, or from then on."""
    await connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
    await connection.execute(f"PREPARE explained AS {statement._sql}")
    literals = ", ".join(
        "NULL" if value is None else f"'{value}'" for value in statement._arguments(values)
    )
    [document] = await connection.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE explained ({literals})"
    )
    await connection.execute("DEALLOCATE explained")
    return Plan(statement.name, document["Plan"])


def seat_pages(plan: Plan) -> int:
    """8 kB pages of the seats and their indexes."""
    nodes = [node for node in nodes_of(plan.tree) if node.get("Relation Name") == "seat"]
    return sum(node["Shared Hit Blocks"] + node["Shared Read Blocks"] for node in nodes)


def nodes_of(tree: Json) -> Iterator[Json]:
    yield tree
    for child in tree.get("Plans", ()):
        yield from nodes_of(child)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(
    ("section", "kind", "index"),
    [
        (None, "standard", "ix_seat_free"),
        ("C", "standard", "ix_seat_free_section"),
        (None, "accessible", "ix_seat_free_accessible"),
        ("C", "accessible", "ix_seat_free_accessible"),
        ("A", "standard", "ix_seat_free_section"),
    ],
)
async def test_free_seats_are_found_by_an_index_behind_those_that_are_sold(
    large_hall: Json,
    connection: SqlConnection,
    section: str | None,
    kind: str,
    index: str,
    mode: str,
) -> None:
    shown = await explain(
        connection, statements.find_free_rows, mode,
        event_id=large_hall["id"], section=section, kind=kind, after=0, seats=2_000,
    )  # fmt: skip
    assert index in shown.indexes, str(shown)
    assert "seat" not in shown.scanned, str(shown)
    assert seat_pages(shown) < PAGES_OF_A_CHUNK, str(shown)


@pytest.mark.parametrize(
    ("section", "kind", "index"),
    [
        (None, "standard", "ix_seat_free"),
        ("C", "standard", "ix_seat_free_section"),
        (None, "accessible", "ix_seat_free_accessible"),
    ],
)
async def test_control_without_its_index_too_much_is_read(
    large_hall: Json, connection: SqlConnection, section: str | None, kind: str, index: str
) -> None:
    dropped = connection.transaction()
    await dropped.start()
    await connection.execute(f"DROP INDEX {index}")
    shown = await explain(
        connection, statements.find_free_rows, "force_generic_plan",
        event_id=large_hall["id"], section=section, kind=kind, after=0, seats=2_000,
    )  # fmt: skip
    await dropped.rollback()
    assert seat_pages(shown) > PAGES_OF_A_CHUNK, str(shown)


async def test_alternatives_are_found_by_an_index(
    large_hall: Json, connection: SqlConnection
) -> None:
    shown = await explain(
        connection, statements.find_position_before, "force_generic_plan",
        event_id=large_hall["id"], before=90_000, seats=1_000,
    )  # fmt: skip
    assert seat_pages(shown) < PAGES_OF_A_CHUNK, str(shown)
    ids = "{" + str(new_id()) + "}"
    located = await explain(
        connection, statements.locate_seats, "force_generic_plan",
        event_id=large_hall["id"], seat_ids=ids,
    )  # fmt: skip
    assert located.pages < 100, str(located)
