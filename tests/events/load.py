"""A load of concurrent people who ask for more seats than there are, and record every answer."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from math import inf
from typing import Any, Self
from uuid import UUID

import httpx
from sqlalchemy import text

from event_service import maintenance
from event_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.ids import new_id
from tests.event_bodies import event_body
from tests.events.conftest import Json, sections, sign
from tests.events.history import BOOKED, UNKNOWN, Attempt, Change, History, Row
from tests.events.servers import Server

PEOPLE = 80
SEATS_PER_PERSON = 6
AT_ONCE = 24
GROUPS = (1, 1, 1, 2, 2, 3, 4)
# How long somebody waits who was not served.
PAUSE_SECONDS = 0.3

_ROWS = """
    SELECT booking.id::text, user_id::text, status,
        ARRAY(SELECT seat_id::text FROM ticket WHERE booking_id = booking.id) AS seats,
        ARRAY(SELECT id::text FROM seat WHERE booking_id = booking.id) AS holds,
        ARRAY(SELECT seat_id::text FROM cancelled_ticket WHERE booking_id = booking.id) AS cancelled
    FROM booking WHERE event_id = :event_id
"""
_TALLY = "SELECT sum(held), sum(booked) FROM seat_tally WHERE event_id = :event_id"


class Load:
    """Those who want seats of one event, and their history.

    ``gives_up`` says that a 503 leaves open what was done, as it does when a connection breaks."""

    def __init__(
        self, servers: Sequence[Server], *, gives_up: bool = False, at_once: int = AT_ONCE
    ) -> None:
        self._servers = servers
        self._at_once = at_once
        self._gives_up = gives_up
        self._left: float = 0
        self._lives: set[asyncio.Task[None]] = set()
        self._tokens: dict[str, str] = {}
        self.people = [str(new_id()) for _ in range(PEOPLE)]
        self.organizer = str(new_id())
        self.event_id = ""
        self.seats: list[str] = []
        self.history = History(frozenset(), SEATS_PER_PERSON)
        self.answers: Counter[str] = Counter()
        self.unavailable: list[httpx.Response] = []
        self.cut_off = 0
        self.deadlocks = 0
        self.batches: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self._at_once)
        self._http = httpx.AsyncClient(limits=limits, timeout=60)
        return self

    async def __aexit__(self, *_: object) -> None:
        for life in self._lives:
            life.cancel()
        await self._http.aclose()

    async def send(
        self,
        user: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        patience: float = 60,
    ) -> httpx.Response | None:
        """The answer of some server; None if there came none."""
        headers = {"Authorization": f"Bearer {self._token(user)}"}
        if key:
            headers["Idempotency-Key"] = key
        url = f"{random.choice(self._servers).url}/api/v1{path}"
        try:
            answer = await self._http.post(url, json=body, headers=headers, timeout=patience)
        except httpx.TimeoutException:
            return None
        except httpx.TransportError:
            self.cut_off += 1
            await asyncio.sleep(PAUSE_SECONDS)
            return None
        if answer.status_code == 503:
            self.unavailable.append(answer)
            await asyncio.sleep(PAUSE_SECONDS)
            return None if self._gives_up else answer
        return answer

    def _token(self, user: str) -> str:
        if user not in self._tokens:
            self._tokens[user] = sign(UUID(user))
        return self._tokens[user]

    async def open_event(self, seats: int, *, is_assigned: bool) -> None:
        seating: Json = {"kind": "general", "capacity": seats}
        if is_assigned:
            seating = {"kind": "assigned", "sections": sections(("Stalls", "A", seats))}
        body = event_body(seating=seating, max_seats_per_user=SEATS_PER_PERSON)
        created = await self.send(self.organizer, "/events", body)
        assert created is not None and created.status_code == 201, created
        self.event_id = created.json()["id"]
        published = await self.send(self.organizer, f"/events/{self.event_id}/publish")
        assert published is not None and published.status_code == 200, published

    async def attempt(
        self,
        user: str,
        wanted: int,
        chosen: frozenset[str] | None = None,
        *,
        is_hold: bool = False,
        key: str | None = None,
        patience: float = 60,
    ) -> Attempt:
        body: Json = {"event_id": self.event_id, "hold": is_hold}
        body |= {"seat_ids": sorted(chosen)} if chosen else {"quantity": wanted}
        invoked = time.time()
        answer = await self.send(user, "/bookings", body, key=key, patience=patience)
        told = _told(answer)
        attempt = Attempt(
            user, wanted, invoked, time.time(), chosen=chosen, is_hold=is_hold, key=key, **told
        )
        self.history.attempts.append(attempt)
        self.answers[attempt.outcome + " again" * attempt.is_replay] += 1
        return attempt

    async def change(
        self, booking: Attempt, action: str, seats: frozenset[str] = frozenset()
    ) -> Change:
        invoked = time.time()
        url = f"/bookings/{booking.booking}/{action.removesuffix('-seats')}"
        body = {"seat_ids": sorted(seats)} if seats else None
        answer = await self.send(booking.user, url, body)
        outcome, left = UNKNOWN, frozenset[str]()
        if answer is not None:
            outcome = answer.json()["status"] if answer.status_code == 200 else _code(answer)
            if answer.status_code == 200:
                left = frozenset(seat["id"] for seat in answer.json()["seats"])
        change = Change(booking.booking, action, invoked, time.time(), outcome, seats, left)
        self.history.changes.append(change)
        self.answers[f"{action}: {outcome}"] += 1
        return change

    async def has_booked(self, bookings: int) -> None:
        """Returns when so many more bookings have been told of."""
        goal = self.answers[BOOKED] + bookings
        while self.answers[BOOKED] < goal:
            await asyncio.sleep(0.01)

    async def storm(self, attempts: float = inf) -> None:
        """So many attempts, some dozens at once; then whoever has seats goes on living."""
        self._left = attempts
        await asyncio.gather(*(self._come() for _ in range(self._at_once)))

    def calm_down(self) -> None:
        self._left = 0

    async def _come(self) -> None:
        while self._left > 0:
            self._left -= 1
            user, wanted = random.choice(self.people), random.choice(GROUPS)
            chosen = None
            if self.seats and random.random() < 0.5:
                chosen = frozenset(random.sample(self.seats, wanted))
            is_hold = random.random() < 0.5
            for booked in await self._ask(user, wanted, chosen, is_hold):
                self._lives.add(asyncio.create_task(self._live(booked)))

    async def _ask(
        self, user: str, wanted: int, chosen: frozenset[str] | None, is_hold: bool
    ) -> list[Attempt]:
        """In one of the ways in which clients ask; the bookings that came of it."""
        key = new_id().hex
        way = random.random()
        if way < 0.3:
            told = [await self.attempt(user, wanted, chosen, is_hold=is_hold)]
        elif way < 0.45:
            twice = (self.attempt(user, wanted, chosen, is_hold=is_hold, key=key) for _ in "12")
            told = await asyncio.gather(*twice)
            self._left -= 1
        else:
            patience = random.uniform(0.002, 0.03) if way < 0.55 else 60
            told = [
                await self.attempt(
                    user, wanted, chosen, is_hold=is_hold, key=key, patience=patience
                )
            ]
            if told[0].outcome == UNKNOWN or way > 0.9:
                told += [await self.attempt(user, wanted, chosen, is_hold=is_hold, key=key)]
                self._left -= 1
            if way > 0.97:
                told += [await self.attempt(user, wanted % 4 + 1, is_hold=is_hold, key=key)]
                self._left -= 1
        booked = {attempt.booking: attempt for attempt in told if attempt.outcome == BOOKED}
        return list(booked.values())

    async def _live(self, booked: Attempt) -> None:
        """Holds are confirmed, early or late or twice, or let go; most bookings are cancelled, some of
        them seat by seat."""
        way = random.random()
        if random.random() < 0.2:
            await self._cancel_seats(booked)
        if booked.is_hold:
            if way < 0.3 or booked.expires_at is None:
                return
            if way < 0.55:
                # As it ends: some are in time, and some are not.
                await asyncio.sleep(booked.expires_at - time.time() + random.uniform(-0.1, 0.1))
            times = 2 if 0.45 < way < 0.65 else 1
            await asyncio.gather(*(self.change(booked, "confirm") for _ in range(times)))
        await asyncio.sleep(random.uniform(0.1, 1.5))
        if random.random() < 0.3:
            await asyncio.gather(*(self._cancel_seats(booked) for _ in "12"))
        if self._gives_up or random.random() < 0.9:
            times = 2 if way > 0.9 else 1
            changes = await asyncio.gather(*(self.change(booked, "cancel") for _ in range(times)))
            while self._gives_up and changes[-1].outcome == UNKNOWN:
                # What nobody gave back would be gone while something is broken.
                changes = [await self.change(booked, "cancel")]

    async def _cancel_seats(self, booked: Attempt) -> None:
        seats = random.sample(sorted(booked.seats), random.randint(1, len(booked.seats)))
        await self.change(booked, "cancel-seats", frozenset(seats))

    async def settle(self, database: Database, settings: Settings) -> None:
        """When all have done what they wanted and the holds have ended, newcomers take each seat
        that is left; then the database is read."""
        await asyncio.gather(*self._lives)
        ends = [attempt.expires_at or 0 for attempt in self.history.attempts]
        await asyncio.sleep(max(0, max(ends, default=0) - time.time()))
        await asyncio.gather(*(self._take_the_rest() for _ in range(4)))
        await tidy(database, settings)
        self.history.rows = [
            Row(row[0], row[1], row[2], *(frozenset(seats) for seats in row[3:]))
            for row in await self._read(database, _ROWS)
        ]
        [(self.history.held, self.history.booked)] = await self._read(database, _TALLY)

    async def _take_the_rest(self) -> None:
        while (await self.attempt(str(new_id()), 1)).outcome in (BOOKED, UNKNOWN):
            pass

    async def see_seats(self, database: Database, *, is_assigned: bool) -> None:
        rows = await self._read(database, "SELECT id::text FROM seat WHERE event_id = :event_id")
        self.history.seats = frozenset(row[0] for row in rows)
        self.seats = sorted(self.history.seats) if is_assigned else []

    async def _read(self, database: Database, statement: str) -> Sequence[Any]:
        async with database.transaction() as session:
            return (await session.execute(text(statement), {"event_id": self.event_id})).all()


def _told(answer: httpx.Response | None) -> dict[str, Any]:
    if answer is None:
        return {"outcome": UNKNOWN}
    document = answer.json()
    if answer.status_code != 201:
        return {
            "outcome": _code(answer),
            "named": frozenset(document.get("seat_ids", ())),
            "available": document.get("available"),
        }
    expires_at = document["expires_at"]
    return {
        "outcome": BOOKED,
        "booking": document["id"],
        "seats": frozenset(seat["id"] for seat in document["seats"]),
        "status": document["status"],
        "expires_at": datetime.fromisoformat(expires_at).timestamp() if expires_at else None,
        "is_replay": answer.headers.get("Idempotency-Replayed") == "true",
    }


def _code(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).removeprefix("urn:problem:")


async def tidy(database: Database, settings: Settings) -> None:
    while await maintenance.sweep_holds(database, settings.offer_for):
        pass
    while await maintenance.fold_tallies(database):
        pass


@asynccontextmanager
async def tidied(database: Database, settings: Settings) -> AsyncIterator[None]:
    """Does meanwhile what the relay does."""

    async def keep_tidy() -> None:
        while True:
            await tidy(database, settings)
            await asyncio.sleep(0.1)

    task = asyncio.create_task(keep_tidy())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
