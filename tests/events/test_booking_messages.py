"""What is said of a booking: small enough for every door on its way, and nothing that nobody wrote."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI

from event_service import maintenance
from event_service.bookings.messages import SEATS_IN_MESSAGE
from notification_service.messages.incoming import MAX_DATA_CHARACTERS, read_message
from tests.events.conftest import Json, Publish, User, messages, sections
from tests.events.waitlist import SoldOut, cancel, change, join, let_lapse, place_of, sweep

MANY = 3_500
LONG = "\U0001d11e" * 100


@pytest.fixture
async def soon(published: Publish, organizer: User) -> AsyncIterator[Json]:
    """An event of 3,500 seats that begins in 20 hours; cancelled in the end, so that no other test
    reminds of it."""
    starts_at = datetime.now(UTC) + timedelta(hours=20)
    rows = [(LONG, f"{row}{LONG[:16]}", 500) for row in range(7)]
    event = await published(
        starts_at=starts_at.isoformat(),
        ends_at=(starts_at + timedelta(hours=2)).isoformat(),
        max_seats_per_user=100_000,
        description="\U0001d11e" * 10_000,
        seating={"kind": "assigned", "sections": sections(*rows)},
    )
    yield event
    await organizer.post(f"/events/{event['id']}/cancel")


async def remind(app: FastAPI) -> None:
    while await maintenance.remind_guests(app.state.database):
        pass


async def booked_a_while_ago(app: FastAPI, booking: Json, **ago: float) -> None:
    await change(
        app,
        "UPDATE booking SET created_at = now() - CAST(:ago AS interval) WHERE id = :id",
        ago=timedelta(**ago),
        id=booking["id"],
    )


async def test_a_booking_of_thousands_of_seats_gets_each_of_its_mails(
    app: FastAPI, soon: Json, guest: User
) -> None:
    booking = (await guest.book(soon, MANY)).json()
    assert len(booking["seats"]) == MANY
    await booked_a_while_ago(app, booking, hours=2)
    await remind(app)
    await cancel(guest, booking)
    held = (await guest.book(soon, MANY, hold=True)).json()
    await let_lapse(app, held["id"])
    await sweep(app)
    for kind in ("booking-confirmed", "event-reminder", "booking-cancelled", "hold-expired"):
        [message] = await messages(app, soon["id"], kind)
        read = read_message(message)
        assert (read.fault, read.kind) == (None, kind)
        assert len(json.dumps(message)) < MAX_DATA_CHARACTERS / 2
        data = message["data"]
        assert (data["quantity"], len(data["seats"])) == (MANY, SEATS_IN_MESSAGE)
        if kind != "hold-expired":
            shown = [seat["ticket_code"] for seat in data["seats"]]
            assert shown == [seat["ticket_code"] for seat in booking["seats"][:SEATS_IN_MESSAGE]]


async def test_a_reason_is_what_somebody_wrote(
    app: FastAPI, sold_out: SoldOut, guest: User, organizer: User
) -> None:
    """No template may quote a word of ours."""
    event, holder, booking = sold_out
    await join(guest, event, 4)
    await cancel(holder, booking)
    offer = (await place_of(guest, event))["offer"]
    await guest.post(f"/bookings/{offer['booking_id']}/confirm")
    [cancelled] = await messages(app, event["id"], "booking-cancelled")
    assert cancelled["data"]["cancelled_by"] == "guest"
    for kind in ("booking-confirmed", "booking-cancelled", "waitlist-offer", "hold-expired"):
        assert all("reason" not in told["data"] for told in await messages(app, event["id"], kind))
    await organizer.post(f"/events/{event['id']}/cancel", {"reason": "Ill"})
    assert {
        told["data"]["reason"] for told in await messages(app, event["id"], "event-cancelled")
    } == {"Ill"}


async def test_nobody_is_reminded_within_an_hour_of_the_confirmation(
    app: FastAPI, soon: Json, guest: User
) -> None:
    booked = (await guest.book(soon)).json()
    held = (await guest.book(soon, hold=True)).json()
    await booked_a_while_ago(app, booked, minutes=59)
    # It was confirmed just now, however long it was held.
    await booked_a_while_ago(app, held, hours=3)
    assert (await guest.post(f"/bookings/{held['id']}/confirm")).status_code == 200
    await remind(app)
    assert await messages(app, soon["id"], "event-reminder") == []
    await booked_a_while_ago(app, booked, minutes=61)
    await change(
        app,
        "UPDATE booking SET confirmed_at = now() - interval '61 minutes' WHERE id = :id",
        id=held["id"],
    )
    await remind(app)
    await remind(app)
    told = await messages(app, soon["id"], "event-reminder")
    assert {one["data"]["booking_id"] for one in told} == {booked["id"], held["id"]}
    assert len(told) == 2
