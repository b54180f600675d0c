"""Everything that locks anything of an event, at once: no two wait for each other."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from event_service.bookings import cancel, confirm, queries
from tests.events.conftest import Json, Publish, User
from tests.events.waitlist import let_lapse, sweep

MakeUser = Callable[..., User]
CROWD, SEATS = 16, 20
LOCK_BOOKING = text("SELECT FROM booking WHERE id = :id FOR UPDATE")


class Storm:
    """Of one event: guests, a line, sweepers, people at the door, and an organizer who in the end
    cancels it."""

    def __init__(self, app: FastAPI, organizer: User, user: MakeUser, event: Json) -> None:
        self.app = app
        self.organizer = organizer
        self.user = user
        self.event = event
        self.url = f"/events/{event['id']}"
        self.statuses: Counter[int] = Counter()

    async def told(self, *answers: Awaitable[httpx.Response]) -> list[httpx.Response]:
        """All at once."""
        found = await asyncio.gather(*answers)
        self.statuses.update(answer.status_code for answer in found)
        return found

    async def blow(self) -> None:
        """It begins sold out, with a line."""
        holders, line = ([self.user() for _ in range(SEATS // 2)] for _ in "12")
        booked = [(await holder.book(self.event, 2)).json() for holder in holders]
        await self.told(*(self.join(someone) for someone in line))
        cancels = [
            partial(self.told, holder.post(f"/bookings/{booking['id']}/cancel"))
            for holder, booking in zip(holders, booked, strict=True)
        ]
        await asyncio.gather(
            *map(self.soon, cancels),
            *(self.soon(partial(self.wait_in_line, someone)) for someone in line),
            *(self.soon(self.come_and_go) for _ in range(CROWD)),
            *(self.soon(self.hold) for _ in range(CROWD)),
            *(self.soon(partial(sweep, self.app)) for _ in range(6)),
            *(self.soon(self.organize) for _ in range(4)),
        )

    def join(self, someone: User) -> Awaitable[httpx.Response]:
        return someone.post(f"{self.url}/waitlist", {"quantity": random.randint(1, 2)})

    async def soon(self, step: Callable[[], Awaitable[Any]]) -> None:
        await asyncio.sleep(random.uniform(0, 0.2))
        await step()

    async def come_and_go(self) -> None:
        guest = self.user()
        [booked] = await self.told(guest.book(self.event, random.randint(1, 2)))
        if booked.status_code == 201:
            code = booked.json()["seats"][0]["ticket_code"]
            await self.told(
                self.organizer.post(f"{self.url}/check-ins", {"ticket_code": code}),
                guest.post(f"/bookings/{booked.json()['id']}/cancel"),
            )

    async def hold(self) -> None:
        guest = self.user()
        [held] = await self.told(guest.book(self.event, hold=True))
        if held.status_code == 201:
            booking = f"/bookings/{held.json()['id']}"
            if random.random() < 0.3:
                await let_lapse(self.app, held.json()["id"])
            await self.told(guest.post(f"{booking}/confirm"), guest.post(f"{booking}/cancel"))

    async def wait_in_line(self, guest: User) -> None:
        """Takes an offer if there is one, leaves otherwise, and joins again."""
        [place] = await self.told(guest.get(f"{self.url}/waitlist"))
        offer = place.json().get("offer")
        if offer:
            await self.told(guest.post(f"/bookings/{offer['booking_id']}/confirm"))
        await self.told(guest.delete(f"{self.url}/waitlist"))
        await self.told(self.join(guest))

    async def organize(self) -> None:
        for change in ({"capacity": random.randint(SEATS, SEATS + 3)}, {"venue": "Another hall"}):
            await self.told(self.organizer.patch(self.url, change))

    async def end(self) -> None:
        """Who cancels a booking meets who cancels them all; there is a connection for each."""
        guests = [self.user() for _ in range(5)]
        bookings = [await guest.book(self.event) for guest in guests]
        await self.told(
            *(
                guest.post(f"/bookings/{booked.json()['id']}/cancel")
                for guest, booked in zip(guests, bookings, strict=True)
                if booked.status_code == 201
            ),
            self.organizer.post(f"{self.url}/cancel", {"reason": "Ill"}),
        )


async def test_no_two_flows_wait_for_each_other(
    app: FastAPI,
    organizer: User,
    user: MakeUser,
    published: Publish,
    deadlocks: list[BaseException],
) -> None:
    for _ in range(2):
        storm = Storm(app, organizer, user, await published(capacity=SEATS))
        await storm.blow()
        await storm.end()
        # What was refused locked little.
        done = {200, 201, 204}
        assert done < set(storm.statuses) <= done | {404, 409}, storm.statuses
    assert deadlocks == []


@pytest.mark.by_chance
async def test_in_another_order_they_would(
    app: FastAPI,
    organizer: User,
    user: MakeUser,
    published: Publish,
    deadlocks: list[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: the booking first, and the event after it."""

    async def booking_first(session: Any, booking_id: Any, *, user_id: Any, **more: Any) -> Any:
        await session.execute(LOCK_BOOKING, {"id": booking_id})
        await asyncio.sleep(0.2)
        return await queries.lock_event_of_booking(session, booking_id, user_id=user_id, **more)

    for module in (cancel, confirm):
        monkeypatch.setattr(module, "lock_event_of_booking", booking_first)
    await Storm(app, organizer, user, await published(capacity=SEATS)).end()
    assert deadlocks
