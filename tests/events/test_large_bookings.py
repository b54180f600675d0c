"""Bookings of thousands of seats: PostgreSQL writes what is answered of them, and nobody else waits."""

from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text
from sqlmodel import col

from event_service.bookings import queries
from event_service.bookings.schemas import (
    MAX_SEATS_PER_BOOKING,
    BookedSeat,
    BookingPublic,
    OrganizerBooking,
)
from event_service.models import Ticket
from tests.events.conftest import Json, Publish, User, problem
from tests.events.many_guests import others_waiting

LARGE = 10_000
LOOP_SECONDS = 0.15

_BOOKINGS = """
    INSERT INTO booking (id, event_id, user_id, status, quantity, total, currency, created_at)
    SELECT uuidv7(), :event_id, :user_id, 'confirmed', :seats, 0, 'EUR', now()
    FROM generate_series(1, :bookings)
"""
_TICKETS = """
    INSERT INTO ticket (booking_id, seat_id, position, section, row_name, number, price, code)
    SELECT booking.id, gen_random_uuid(), n, 'St"alls', 'A', n, 0,
        upper(replace(gen_random_uuid()::text, '-', ''))
    FROM booking CROSS JOIN generate_series(1, :seats) AS n
    WHERE user_id = :user_id AND event_id = :event_id
"""


async def has(app: FastAPI, guest: User, event: Json, bookings: int, seats: int) -> None:
    """As if the guest had booked; the seats themselves do not matter here."""
    given = {"event_id": event["id"], "user_id": guest.id, "seats": seats}
    async with app.state.database.transaction() as session:
        await session.execute(text(_BOOKINGS), given | {"bookings": bookings})
        await session.execute(text(_TICKETS), given)
        allowed = "INSERT INTO seat_allowance VALUES (:event_id, :user_id, :seats, 100000)"
        await session.execute(text(allowed), given | {"seats": seats * bookings})


SEATS_OF = "{ viewer { bookings(first: 100) { items { id %s } nextCursor } } }"


async def read_all(organizer: User, guest: User, event: Json) -> list[Any]:
    listed = await guest.get("/bookings?limit=100")
    of_event = await organizer.get(f"/events/{event['id']}/bookings?limit=100")
    one = await guest.get(f"/bookings/{listed.json()['items'][0]['id']}")
    without = await guest.post("/graphql", {"query": SEATS_OF % ""})
    refused = await guest.post("/graphql", {"query": SEATS_OF % "seats { id } event { id }"})
    for answer in (listed, of_event, one, without, refused):
        assert answer.status_code == 200, answer.text
    return [answer.json() for answer in (listed, of_event, one, without, refused)]


@pytest.mark.alone
@pytest.mark.parametrize(("bookings", "seats"), [(4, LARGE), (40, 1_000)])
async def test_whoever_reads_them_keeps_nobody_waiting(
    app: FastAPI, organizer: User, guest: User, published: Publish, bookings: int, seats: int
) -> None:
    event = await published(max_seats_per_user=100_000)
    await has(app, guest, event, bookings, seats)
    async with others_waiting() as waited:
        listed, of_event, one, without, refused = await read_all(organizer, guest, event)
    assert waited.loop < LOOP_SECONDS
    assert len(one["seats"]) == seats
    assert len(listed["items"]) == max(1, queries.SEATS_PER_PAGE // seats)
    nobody = {"name": None, "email": None}
    organizers = {"user_id": str(guest.id), "guest": nobody, "is_checked_in": False}
    assert [item | organizers for item in listed["items"]] == of_event["items"]
    assert len(without["data"]["viewer"]["bookings"]["items"]) == bookings
    assert refused["errors"][0]["extensions"]["code"] == "query-too-large"


async def test_no_booking_is_left_out_where_a_page_ends_early(
    app: FastAPI, guest: User, published: Publish
) -> None:
    event = await published(max_seats_per_user=100_000)
    for seats in (1, 6_000, 3_000, 2_000, 1):
        await has(app, guest, await published(), 1, seats)
    pages, cursor = [], ""
    while True:
        page = (await guest.get(f"/bookings?limit=4{cursor}")).json()
        pages.append([len(booking["seats"]) for booking in page["items"]])
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert pages == [[1, 2_000], [3_000], [6_000], [1]]
    assert event["status"] == "published"


async def test_its_seats_are_in_the_form_and_order_of_the_contract(
    app: FastAPI, organizer: User, guest: User, published: Publish
) -> None:
    event = await published()
    made = (await guest.book(event, 3, hold=True)).json()
    await has(app, guest, await published(), 1, 3)
    listed = (await guest.get("/bookings")).json()["items"]
    for booking in [made, *listed]:
        BookingPublic.model_validate(booking)
        assert set(booking) == set(BookingPublic.model_fields)
        assert booking["created_at"].endswith("Z")
    assert made == listed[1] == (await guest.get(f"/bookings/{made['id']}")).json()
    assert [seat["number"] for seat in listed[0]["seats"]] == [1, 2, 3]
    assert listed[0]["seats"][0]["section"] == 'St"alls'
    [of_event] = (await organizer.get(f"/events/{event['id']}/bookings")).json()["items"]
    assert set(of_event) == set(OrganizerBooking.model_fields)
    query = SEATS_OF % "seats { id section row number code: ticketCode }"
    shown = (await guest.post("/graphql", {"query": query})).json()["data"]["viewer"]["bookings"]
    assert [[seat.pop("code") for seat in item["seats"]] for item in shown["items"]] == [
        [seat["ticket_code"] for seat in booking["seats"]] for booking in listed
    ]


@pytest.mark.alone
async def test_to_book_confirm_and_cancel_one_keeps_nobody_waiting_for_long(
    guest: User, published: Publish
) -> None:
    event = await published(capacity=LARGE, max_seats_per_user=100_000)
    over = await guest.book(event, MAX_SEATS_PER_BOOKING + 1)
    assert problem(over) == (422, "invalid-request")
    held = (await guest.book(event, LARGE, hold=True)).json()
    async with others_waiting() as waited:
        for step, status in (("confirm", "confirmed"), ("cancel", "cancelled")):
            answer = await guest.post(f"/bookings/{held['id']}/{step}")
            assert (answer.status_code, answer.json()["status"]) == (200, status)
            assert answer.json()["seats"] == held["seats"]
    assert waited.loop < LOOP_SECONDS


@pytest.mark.alone
async def test_control_an_object_for_each_seat_keeps_everybody_waiting(
    app: FastAPI,
    organizer: User,
    guest: User,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As it was: if this fails, the tests above show nothing."""

    async def one_by_one(session: Any, booking_ids: Any) -> Any:
        found = await session.execute(select(Ticket).where(col(Ticket.booking_id).in_(booking_ids)))
        seats = [
            BookedSeat(
                id=ticket.seat_id, section=ticket.section, row=ticket.row_name,
                number=ticket.number, ticket_code=ticket.code,
            )
            for ticket in found.scalars()
        ]  # fmt: skip
        return {booking_ids[0]: f"[{','.join(seat.model_dump_json() for seat in seats)}]"}

    monkeypatch.setattr(queries, "list_seats", one_by_one)
    event = await published(max_seats_per_user=100_000)
    await has(app, guest, event, 1, LARGE)
    async with others_waiting() as waited:
        await guest.get("/bookings")
    assert waited.loop > LOOP_SECONDS
