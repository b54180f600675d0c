"""What an organizer sees of who comes."""

import asyncio
import csv
import io
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import respx
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from event_service.attendees import queries
from event_service.attendees.bookings import ids_that_start_with
from event_service.attendees.csv_file import cell, encode_rows
from event_service.attendees.service import attendees_file
from service_kit.ids import new_id
from service_kit.messaging.contacts import ContactClient
from service_kit.messaging.service_client import ServiceClient
from tests.events.conftest import Json, Publish, User, problem, sections
from tests.events.test_holds import let_lapse
from tests.events.waitlist import change

MakeUser = Callable[..., User]


class Accounts:
    """What auth-service answers; by user id."""

    def __init__(self) -> None:
        self.contacts: dict[str, Json] = {}
        self.requests: list[list[str]] = []
        self.is_away = False

    def add(self, user: User, full_name: str | None = None, **more: Any) -> Json:
        contact = {"id": str(user.id), "email": f"{user.id.hex}@example.com"} | more
        self.contacts[str(user.id)] = contact | {"full_name": full_name}
        return self.contacts[str(user.id)]

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(json.loads(request.content)["ids"])
        if self.is_away:
            return httpx.Response(503)
        assert request.headers["authorization"] == "Bearer service-token"
        found = [self.contacts[one] for one in self.requests[-1] if one in self.contacts]
        return httpx.Response(200, json={"contacts": found})


@pytest.fixture
def accounts(app: FastAPI) -> Iterator[Accounts]:
    accounts, settings = Accounts(), app.state.settings
    client = ServiceClient(settings, app.state.http)
    before = app.state.contacts
    app.state.contacts = ContactClient(client, settings.auth_service_url)
    token = {"access_token": "service-token", "expires_in": 600}
    with respx.mock(base_url="http://auth.test/api/v1", assert_all_called=False) as router:
        router.post("/auth/token").respond(json=token)
        router.post("/users/contacts").mock(side_effect=accounts.answer)
        yield accounts
    app.state.contacts = before


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


async def list_ids(organizer: User, event: Json, **query: Any) -> list[str]:
    answer = await organizer.http.get(f"/events/{event['id']}/bookings", params=query)
    assert answer.status_code == 200, answer.text
    return [booking["id"] for booking in answer.json()["items"]]


async def test_each_booking_names_its_guest(
    organizer: User, user: MakeUser, published: Publish, accounts: Accounts
) -> None:
    event = await published(capacity=20)
    named, unnamed, nobody = user(name="Ada"), user(), user(name="Gone")
    accounts.add(named, "Augusta Ada King")
    accounts.add(unnamed, "Grace Hopper")
    made = [(await someone.book(event)).json() for someone in (named, unnamed, nobody, named)]
    items = (await organizer.get(f"/events/{event['id']}/bookings")).json()["items"]
    ada = {"name": "Ada", "email": f"{named.id.hex}@example.com"}
    assert [item["guest"] for item in items] == [
        ada,
        {"name": "Gone", "email": None},
        {"name": "Grace Hopper", "email": f"{unnamed.id.hex}@example.com"},
        ada,
    ]
    for item, booking, guest in zip(
        items, made[::-1], (named, nobody, unnamed, named), strict=True
    ):
        added = {"user_id": str(guest.id), "guest": item["guest"], "is_checked_in": False}
        assert item == booking | added
    # One request a page, with each guest once.
    assert [sorted(ids) for ids in accounts.requests] == [
        sorted(str(someone.id) for someone in (named, unnamed, nobody))
    ]


async def test_while_auth_service_is_away_there_are_no_addresses(
    organizer: User, user: MakeUser, published: Publish, accounts: Accounts
) -> None:
    event = await published(capacity=20)
    for name in ("Ada", None):
        accounts.add(guest := user(name=name), "Somebody")
        await guest.book(event)
    accounts.is_away = True
    for _ in range(3):
        items = (await organizer.get(f"/events/{event['id']}/bookings")).json()["items"]
        assert [item["guest"] for item in items] == [
            {"name": None, "email": None},
            {"name": "Ada", "email": None},
        ]
        file = await table(organizer, event)
        assert [(row["guest_name"], row["guest_email"]) for row in file] == [("Ada", ""), ("", "")]
    # It was asked once, and then left alone for a while.
    assert len(accounts.requests) == 1


async def test_no_connection_waits_for_auth_service(
    app: FastAPI, organizer: User, guest: User, published: Publish, accounts: Accounts
) -> None:
    event = await published()
    await guest.book(event)
    in_use = []
    pool = app.state.database.engine.pool

    async def look(user_ids: Any) -> Any:
        # That of a request before may be on its way back; one that waits for this answer never is.
        deadline = time.monotonic() + 2
        while pool.checkedout() and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        in_use.append(pool.checkedout())
        return {}

    app.state.contacts.find_many = look
    await organizer.get(f"/events/{event['id']}/bookings")
    await table(organizer, event)
    assert in_use == [0, 0]


async def test_bookings_are_found_by_name_id_and_ticket(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish, accounts: Accounts
) -> None:
    event, other = await published(capacity=20), await published()
    zoe, ada, unnamed = user(name="Zoë  Müller"), user(name="Ada 100%_"), user()
    first, second, third = [
        (await someone.book(event, 2)).json()["id"] for someone in (zoe, ada, unnamed)
    ]
    elsewhere = (await zoe.book(other)).json()
    for q in ("zoe", "ZOË", "müll", "MULLER", "ë  m"):
        assert await list_ids(organizer, event, q=q) == [first], q
    for q in ("100%", "%_", "ada"):
        assert await list_ids(organizer, event, q=q) == [second], q
    for q in ("%", "_"):
        assert await list_ids(organizer, event, q=q) == [second], q
    for q in ("nobody", "' OR 1=1 --", elsewhere["id"], elsewhere["seats"][0]["ticket_code"]):
        assert await list_ids(organizer, event, q=q) == [], q
    for q in ("", "  ", "\u200b"):
        assert await list_ids(organizer, event, q=q) == [third, second, first], ascii(q)
    # Ids that were made within a minute have their first eight digits in common.
    for q in (third, third.upper(), third.replace("-", ""), third[:-1], f" {third[:-4]} "):
        assert await list_ids(organizer, event, q=q) == [third], q
    assert set(await list_ids(organizer, event, q=first[:4])) == {first, second, third}
    codes = [
        seat["ticket_code"] for seat in (await ada.get("/bookings")).json()["items"][0]["seats"]
    ]
    for q in (codes[0], codes[1].lower(), codes[0].replace("-", " ")):
        assert await list_ids(organizer, event, q=q) == [second], q
    old_code = new_id().hex[:30].upper()
    await change(app, "UPDATE ticket SET code = :new WHERE code = :old", new=old_code, old=codes[0])
    assert await list_ids(organizer, event, q=old_code.lower()) == [second]
    # With the other conditions.
    assert await list_ids(organizer, event, q="ada", status="confirmed") == [second]
    assert await list_ids(organizer, event, q="ada", status="held") == []


async def test_bookings_are_chosen_by_whether_somebody_was_let_in(
    organizer: User, guest: User, published: Publish, accounts: Accounts
) -> None:
    event = await published(capacity=20)
    made = [(await guest.book(event, 2)).json() for _ in range(3)]
    url = f"/events/{event['id']}/check-ins"
    code = made[1]["seats"][0]["ticket_code"]
    await organizer.post(url, {"ticket_code": code})
    ids = [booking["id"] for booking in made]
    assert await list_ids(organizer, event, checked_in="true") == [ids[1]]
    assert await list_ids(organizer, event, checked_in="false") == [ids[2], ids[0]]
    assert await list_ids(organizer, event, checked_in="true", status="cancelled") == []
    assert await list_ids(organizer, event) == ids[::-1]
    listed = (await organizer.get(f"/events/{event['id']}/bookings")).json()["items"]
    assert [booking["is_checked_in"] for booking in listed] == [False, True, False]
    await organizer.delete(f"{url}/{code}")
    assert await list_ids(organizer, event, checked_in="true") == []


@pytest.mark.parametrize("query", ["checked_in=maybe", "q=" + "x" * 201, "q=%00"])
async def test_a_search_that_cannot_be_is_refused(
    organizer: User, published: Publish, query: str
) -> None:
    event = await published()
    answer = await organizer.get(f"/events/{event['id']}/bookings?{query}")
    assert problem(answer) == (422, "invalid-request")


async def test_a_superuser_sees_who_comes_and_stands_at_the_door(
    guest: User, user: MakeUser, published: Publish, accounts: Accounts
) -> None:
    event, superuser = await published(), user(superuser=True)
    booking = (await guest.book(event)).json()
    assert await list_ids(superuser, event) == [booking["id"]]
    assert len(await table(superuser, event)) == 1
    url, code = f"/events/{event['id']}/check-ins", booking["seats"][0]["ticket_code"]
    assert (await superuser.post(url, {"ticket_code": code})).status_code == 200
    assert (await superuser.delete(f"{url}/{code}")).status_code == 204
    for path in ("bookings", "attendees.csv"):
        nowhere = f"/events/{new_id()}/{path}"
        assert problem(await superuser.get(nowhere)) == (404, "not-found")


@pytest.mark.parametrize(
    ("text", "least", "greatest"),
    [
        ("0", "00000000-0000-0000-0000-000000000000", "0fffffff-ffff-ffff-ffff-ffffffffffff"),
        ("01A2-15", "01a21500-0000-0000-0000-000000000000", "01a215ff-ffff-ffff-ffff-ffffffffffff"),
    ],
)
def test_ids_have_a_beginning(text: str, least: str, greatest: str) -> None:
    assert ids_that_start_with(text) == (UUID(least), UUID(greatest))


@pytest.mark.parametrize("text", ["", "-", "g", "01 a2", "0" * 33, "\uff10", "0x1", "1_0"])
def test_other_text_is_the_beginning_of_no_id(text: str) -> None:
    assert ids_that_start_with(text) is None


# The file


@pytest.mark.parametrize(
    ("price", "currency", "written"),
    [
        (2500, "EUR", "25.00"),
        (5, "EUR", "0.05"),
        (0, "EUR", "0.00"),
        (2500, "JPY", "2500"),
        (2500, "HUF", "25.00"),
        (2500, "KWD", "2.500"),
        (1_000_000_000, "EUR", "10000000.00"),
    ],
)
async def test_amounts_are_in_major_units(
    organizer: User, guest: User, published: Publish, price: int, currency: str, written: str
) -> None:
    event = await published(price=price, currency=currency)
    await guest.book(event)
    [row] = await table(organizer, event)
    assert (row["price"], row["currency"]) == (written, currency)


async def test_a_withdrawn_currency_has_two_digits(
    app: FastAPI, organizer: User, guest: User, published: Publish
) -> None:
    event = await published(price=2599)
    await guest.book(event)
    await change(app, "UPDATE booking SET currency = 'HRK' WHERE event_id = :id", id=event["id"])
    [row] = await table(organizer, event)
    assert (row["price"], row["currency"]) == ("25.99", "HRK")


async def test_no_name_and_no_address_starts_a_formula(
    organizer: User, user: MakeUser, published: Publish, accounts: Accounts
) -> None:
    event = await published(capacity=20)
    names = ['=HYPERLINK("http://x")', "\u200b+1", "Ada"]
    for name, first in zip(names, "+-A", strict=True):
        guest = user(name=name)
        accounts.add(guest, email=f"{first}{guest.id.hex}@example.com")
        await guest.book(event)
    rows = await table(organizer, event)
    assert [row["guest_name"] for row in rows] == [f"'{names[0]}", f"'{names[1]}", "Ada"]
    assert [row["guest_email"][:2] for row in rows[:2]] == ["'+", "'-"]
    assert rows[2]["guest_email"].startswith("A")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ada;=1+1", "Ada;'=1+1"),
        ("Ada; \u200b+1;b", "Ada;' \u200b+1;b"),
        ('Ada;"=1+1"', 'Ada;\'"=1+1"'),
        ("=1;@2", "'=1;'@2"),
        ("Ada; Bob", "Ada; Bob"),
    ],
)
def test_nor_does_what_stands_behind_a_semicolon(name: str, written: str) -> None:
    """Excel takes it for the beginning of a cell where a comma separates decimals."""
    assert cell(name) == written
    assert not any(
        part.strip().lstrip('"').startswith("=")
        for part in encode_rows([["id", name]]).decode().split(";")
    )


async def test_the_file_has_a_row_for_each_ticket(
    organizer: User, user: MakeUser, published: Publish, accounts: Accounts
) -> None:
    guest = user(name="Ada Lovelace")
    accounts.add(guest)
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
        "price": "25.00",
        "currency": "EUR",
        "ticket_code": booking["seats"][0]["ticket_code"],
        "checked_in_at": "",
        "booked_at": booking["created_at"][:19] + "Z",
        "guest_name": "Ada Lovelace",
        "guest_email": f"{guest.id.hex}@example.com",
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
    chunks = await attendees_file(
        app.state.database, app.state.contacts, UUID(event["id"]), None, owner=organizer.id
    )
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
    chunks = await attendees_file(
        app.state.database, app.state.contacts, UUID(event["id"]), None, owner=organizer.id
    )
    await anext(chunks)
    assert app.state.database.engine.pool.checkedout() == 0
    assert [chunk async for chunk in chunks]
