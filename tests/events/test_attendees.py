"""What an organizer sees of who comes."""

import csv
import io
import tracemalloc
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from event_service.attendees import queries
from event_service.attendees.csv_file import cell, encode_rows
from event_service.attendees.service import attendees_file
from service_kit.ids import new_id
from tests.events.conftest import Json, Publish, User, problem, sections
from tests.events.test_holds import let_lapse

MakeUser = Callable[..., User]


async def table(organizer: User, event: Json, query: str = "") -> list[dict[str, str]]:
    answer = await organizer.get(f"/events/{event['id']}/attendees.csv{query}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


# Bookings


async def test_the_organizer_lists_bookings_newest_first(
    organizer: User, user: MakeUser, published: Publish
) -> None:
    event = await published(capacity=20)
    guests = [user() for _ in range(5)]
    made = [(await guest.book(event, 2)).json() for guest in guests]
    first = (await organizer.get(f"/events/{event['id']}/bookings?limit=3")).json()
    assert [b["id"] for b in first["items"]] == [b["id"] for b in reversed(made[2:])]
    assert first["items"][0]["user_id"] == str(guests[-1].id)
    assert first["items"][0]["seats"] == made[-1]["seats"]
    url = f"/events/{event['id']}/bookings?limit=3&cursor={first['next_cursor']}"
    rest = (await organizer.get(url)).json()
    assert [b["id"] for b in rest["items"]] == [b["id"] for b in reversed(made[:2])]
    assert rest["next_cursor"] is None


async def test_bookings_can_be_chosen_by_status_as_it_is_now(
    app: FastAPI, organizer: User, guest: User, published: Publish
) -> None:
    event = await published(capacity=20)
    lapsed = (await guest.book(event, hold=True)).json()
    await let_lapse(app, lapsed)
    confirmed = (await guest.book(event)).json()
    url = f"/events/{event['id']}/bookings?status="
    assert [b["id"] for b in (await organizer.get(f"{url}expired")).json()["items"]] == [
        lapsed["id"]
    ]
    assert [b["id"] for b in (await organizer.get(f"{url}confirmed")).json()["items"]] == [
        confirmed["id"]
    ]
    assert (await organizer.get(f"{url}held")).json()["items"] == []
    assert problem(await organizer.get(f"{url}gone")) == (422, "invalid-request")


@pytest.mark.parametrize("path", ["bookings", "attendees.csv"])
async def test_only_the_organizer_sees_who_comes(
    organizer: User, guest: User, anybody: Any, published: Publish, path: str
) -> None:
    event = await published()
    await guest.book(event)
    url = f"/events/{event['id']}/{path}"
    assert problem(await guest.get(url)) == (403, "forbidden")
    assert problem(await anybody.get(url)) == (401, "not-authenticated")
    nowhere = f"/events/{new_id()}/{path}"
    assert problem(await organizer.get(nowhere)) == (404, "not-found")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=1000000000", "cursor=x", "cursor="]
)
async def test_a_page_that_cannot_be_is_refused(
    organizer: User, published: Publish, query: str
) -> None:
    event = await published()
    answer = await organizer.get(f"/events/{event['id']}/bookings?{query}")
    assert problem(answer) == (422, "invalid-request")


# The file


async def test_the_file_has_a_row_for_each_ticket(
    organizer: User, guest: User, published: Publish
) -> None:
    plan = sections(("Stalls", "A", 3))
    event = await published(price=2500, seating={"kind": "assigned", "sections": plan})
    booking = (await guest.book(event, 2)).json()
    code = booking["seats"][1]["ticket_code"]
    entered = await organizer.post(f"/events/{event['id']}/check-ins", {"ticket_code": code})
    answer = await organizer.get(f"/events/{event['id']}/attendees.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert answer.content.startswith(b"\xef\xbb\xbfbooking_id,status,section,row,seat,price,")
    first, second = await table(organizer, event)
    assert first == {
        "booking_id": booking["id"],
        "status": "confirmed",
        "section": "Stalls",
        "row": "A",
        "seat": str(booking["seats"][0]["number"]),
        "price": "2500",
        "currency": "EUR",
        "ticket_code": booking["seats"][0]["ticket_code"],
        "checked_in_at": "",
        "booked_at": booking["created_at"][:19] + "Z",
    }
    assert second["checked_in_at"] == entered.json()["checked_in_at"][:19] + "Z"


async def test_the_file_holds_who_may_come_and_others_on_demand(
    app: FastAPI, organizer: User, guest: User, published: Publish
) -> None:
    event = await published(capacity=20)
    ends = [(await guest.book(event, hold=hold)).json() for hold in (False, True, True, False)]
    await let_lapse(app, ends[2])
    await guest.post(f"/bookings/{ends[3]['id']}/cancel")
    rows = await table(organizer, event)
    assert [(row["booking_id"], row["status"]) for row in rows] == [
        (ends[0]["id"], "confirmed"),
        (ends[1]["id"], "held"),
    ]
    (cancelled,) = await table(organizer, event, "?status=cancelled")
    assert cancelled["booking_id"] == ends[3]["id"]
    (expired,) = await table(organizer, event, "?status=expired")
    assert expired["booking_id"] == ends[2]["id"]


async def test_batches_meet_without_gap_or_repetition(
    organizer: User, guest: User, published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ROWS_PER_BATCH", 2)
    event = await published(capacity=20)
    made = [(await guest.book(event, quantity)).json() for quantity in (3, 1, 2)]
    codes = [seat["ticket_code"] for booking in made for seat in booking["seats"]]
    assert [row["ticket_code"] for row in await table(organizer, event)] == codes


async def test_an_event_without_guests_is_a_line_of_headings(
    organizer: User, published: Publish
) -> None:
    assert await table(organizer, await published()) == []


async def test_no_cell_of_the_file_starts_a_formula(
    organizer: User, guest: User, published: Publish
) -> None:
    evil = ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", 'a"b,c', "＝1+1"]
    plan = [{"name": name, "rows": [{"name": f"={i}", "seats": 1}]} for i, name in enumerate(evil)]
    event = await published(seating={"kind": "assigned", "sections": plan})
    await guest.book(event, 6)
    rows = await table(organizer, event)
    assert [row["section"] for row in rows] == [
        '\'=HYPERLINK("http://x")',
        "'+1",
        "'-1",
        "'@SUM(A1)",
        'a"b,c',
        "'＝1+1",
    ]
    assert {row["row"][:2] for row in rows} == {"'="}


SEEN_BY_NOBODY = (
    "\ufeff", "\u200b", "\u200d", "\u2060", "\u200e", "\u202e", "\u2066", "\u00ad", "\u061c", "\u180e",
    "\ufe0f", "\u034f", "\U000e0001", "\U000e0061", "\ufff9", "\x00", "\x1f", "\x7f", "\x85", "\u2028",
    "\u2029", "\u3164", "\uffa0", "\u115f", "\u2800", "\u17b5", "\u0301", "\ue000", "\t", "\r", "\n", "\v",
    "\f", " ", "\xa0", "\u1680", "\u2003", "\u202f", "\u205f", "\u3000", "\ufeff\u200b \u2060", "",
)  # fmt: skip
CALCULATED = (
    "=",
    "+",
    "-",
    "@",
    "＝",
    "＋",
    "－",
    "＠",
    "\ufe66",
    "\ufe62",
    "\ufe63",
    "\ufe6b",
    "\u2212",
)


@pytest.mark.parametrize("prefix", SEEN_BY_NOBODY, ids=ascii)
def test_nothing_unseen_before_a_formula_lets_it_through(prefix: str) -> None:
    for start in CALCULATED:
        text = f"{prefix}{start}1+1"
        assert cell(text) == f"'{text}"
    for plain in ("Stalls", "Ложа", "1", "é", "桟敷", "🎭", "(left)"):
        is_quoted = any(character in prefix for character in "\t\r\n")
        assert cell(prefix + plain) == ("'" if is_quoted else "") + prefix + plain


async def test_no_column_is_a_way_in(organizer: User, guest: User, published: Publish) -> None:
    """What people name is in ``section`` and ``row``; the API takes nothing invisible away."""
    names = [f"\ufeff\u200b{start}1" for start in CALCULATED]
    plan = [{"name": name, "rows": [{"name": name, "seats": 1}]} for name in names]
    event = await published(seating={"kind": "assigned", "sections": plan}, max_seats_per_user=20)
    assert (await guest.book(event, len(names))).status_code == 201
    found = await table(organizer, event)
    assert [row["section"] for row in found] == [f"'{name}" for name in names]
    assert [row["row"] for row in found] == [f"'{name}" for name in names]
    for row in found:
        assert not any(value.startswith(CALCULATED) for value in row.values())


@given(st.lists(st.lists(st.text(), min_size=2, max_size=4), max_size=5))
def test_whatever_is_written_is_read_again_and_calculates_nothing(rows: list[list[str]]) -> None:
    rows = [[value.encode(errors="replace").decode() for value in row] for row in rows]
    encoded = encode_rows(rows).decode()
    again = list(csv.reader(io.StringIO(encoded, newline=""), strict=True))
    assert again == [[cell(value) for value in row] for row in rows]
    assert all(not value.startswith(tuple("=+-@\t\r\n")) for row in again for value in row)


async def test_many_rows_stream_in_constant_memory(
    app: FastAPI, organizer: User, published: Publish
) -> None:
    event = await published(capacity=1)
    async with app.state.database.transaction() as session:
        await session.execute(
            text("""
                WITH booked AS (
                    INSERT INTO booking
                        (id, event_id, user_id, status, quantity, total, currency, created_at)
                    SELECT gen_random_uuid(), :id, gen_random_uuid(), 'confirmed', 100, 0, 'EUR',
                        now()
                    FROM generate_series(1, 200)
                    RETURNING id
                )
                INSERT INTO ticket (booking_id, seat_id, position, price, code)
                SELECT booked.id, gen_random_uuid(), n, 0, gen_random_uuid()::text
                FROM booked, generate_series(1, 100) AS n
            """),
            {"id": event["id"]},
        )
    chunks = await attendees_file(app.state.database, UUID(event["id"]), None, by=organizer.id)
    peaks, lines = [], 0
    tracemalloc.start()
    try:
        async for chunk in chunks:
            lines += chunk.count(b"\r\n")
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert lines == 20_001
    # The second half needs no more than the first: a batch at a time, and nothing kept.
    assert peaks[-1] < peaks[len(peaks) // 2] * 1.2
    assert peaks[-1] < 10_000_000


async def test_refusals_come_before_the_first_byte_and_hold_no_connection(
    app: FastAPI, organizer: User, guest: User, published: Publish
) -> None:
    event = await published()
    await guest.book(event)
    chunks = await attendees_file(app.state.database, UUID(event["id"]), None, by=organizer.id)
    await anext(chunks)
    assert app.state.database.engine.pool.checkedout() == 0
    assert [chunk async for chunk in chunks]
