"""A batch answers exactly as the same requests one by one in that order would.

``BATCH_EXAMPLES`` says how many batches are tried. Each is booked at one event, and its requests one after
another at a twin of that event.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import hypothesis.strategies as st
import orjson
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings

from event_service.bookings.create import BookingDesk, new_desk
from event_service.bookings.representation import encode
from event_service.bookings.requests import BookingRequest
from event_service.bookings.schemas import BookingCreate
from service_kit.ids import new_id
from service_kit.problems import Problem
from tests.event_bodies import event_body
from tests.events.batches import book_at_once, record_batches
from tests.events.conftest import Json, User, sections
from tests.events.waitlist import change, join, let_lapse, rows

EXAMPLES, EXAMPLES_OF_A_CONTROL = int(os.environ.get("BATCH_EXAMPLES", "40")), 200
PEOPLE, LIMIT, MAX_SEATS = 8, 4, 9
ORGANIZER, ERASED = 0, 1
KEYS = (None, None, "a", "b")


@dataclass(frozen=True)
class Wish:
    """``chosen`` are positions."""

    person: int
    quantity: int = 1
    chosen: tuple[int, ...] = ()
    hold: bool = False
    key: str | None = None


@dataclass(frozen=True)
class Scene:
    """An event as the batch finds it. What somebody else has of it is held if ``lapses`` says whether
    that hold is over; else it is booked. Who waits came when all seats were gone."""

    is_assigned: bool
    seats: int
    status: str
    earlier: tuple[Wish, ...]
    taken: int
    lapses: bool | None
    waits_for: int
    wishes: tuple[Wish, ...]


@st.composite
def wishes(draw: Any, seats: int, *, is_assigned: bool) -> Wish:
    chosen: tuple[int, ...] = ()
    if is_assigned and draw(st.booleans()):
        positions = st.lists(st.integers(1, seats), min_size=1, max_size=3, unique=True)
        chosen = tuple(draw(positions))
    return Wish(
        draw(st.integers(0, PEOPLE - 1)),
        draw(st.integers(1, LIMIT + 1)),
        chosen,
        draw(st.booleans()),
        draw(st.sampled_from(KEYS)),
    )


@st.composite
def scenes(draw: Any) -> Scene:
    is_assigned, seats = draw(st.booleans()), draw(st.integers(1, MAX_SEATS))
    some = wishes(seats, is_assigned=is_assigned)
    return Scene(
        is_assigned,
        seats,
        draw(st.sampled_from(["published"] * 8 + ["draft", "closed"])),
        tuple(draw(st.lists(some, max_size=3))),
        draw(st.integers(0, seats)),
        draw(st.sampled_from([None, False, True])),
        draw(st.sampled_from([0, 0, 0, 1, 2])),
        tuple(draw(st.lists(some, min_size=2, max_size=14))),
    )


@dataclass
class Twin:
    """One of two events that are alike, with people of its own: keys are for all events of a person."""

    app: FastAPI
    scene: Scene
    people: list[UUID]
    event: Json = field(default_factory=dict)
    position_of: dict[str, int] = field(default_factory=dict)
    id_of: dict[int, str] = field(default_factory=dict)

    @property
    def event_id(self) -> UUID:
        return UUID(self.event["id"])

    async def open(self) -> None:
        organizer = User(self.app, self.people[ORGANIZER])
        seating: Json = {"kind": "general", "capacity": self.scene.seats}
        if self.scene.is_assigned:
            plan = sections(("Stalls", "A", self.scene.seats))
            seating = {"kind": "assigned", "sections": plan}
        body = event_body(seating=seating, max_seats_per_user=LIMIT)
        self.event = (await organizer.post("/events", body)).json()
        if self.scene.status != "draft":
            answer = await organizer.post(f"/events/{self.event['id']}/publish")
            assert answer.status_code == 200
        await organizer.http.aclose()
        found = await rows(
            self.app, "SELECT id, position FROM seat WHERE event_id = :id", id=self.event_id
        )
        self.position_of = {str(row.id): row.position for row in found}
        self.id_of = {row.position: str(row.id) for row in found}
        erase = "INSERT INTO erased_user (user_id, erased_at) VALUES (:id, now())"
        await change(self.app, erase, id=self.people[ERASED])

    async def prepare(self, desk: BookingDesk) -> None:
        await self.one_by_one(desk, self.requests(self.scene.earlier))
        if self.scene.status != "published":
            close = "UPDATE event SET sales_end = now() - interval '1 hour' WHERE id = :id"
            await change(self.app, close, id=self.event_id)
            return
        await self._take(desk, self.scene.taken, self.scene.lapses)

    async def _take(self, desk: BookingDesk, seats: int, lapses: bool | None) -> None:
        """So many at most; with somebody who waits all, since who waits came when all were gone."""
        free = await rows(
            self.app,
            "SELECT count(*) FROM seat WHERE event_id = :id AND booking_id IS NULL",
            id=self.event_id,
        )
        quantity = free[0][0] if self.scene.waits_for else min(seats, free[0][0])
        holds = []
        while quantity:
            some = min(quantity, LIMIT)
            told, _ = await desk.book(
                self._request(new_id(), Wish(0, some, hold=lapses is not None))
            )
            holds.append(told["id"])
            quantity -= some
        if 0 < self.scene.waits_for <= self.scene.seats:
            somebody = User(self.app, new_id())
            await join(somebody, self.event, self.scene.waits_for)
            await somebody.http.aclose()
        if lapses:
            for booking_id in holds:
                await let_lapse(self.app, booking_id)

    def _request(self, person: UUID, wish: Wish) -> BookingRequest:
        seats: Json = {"quantity": wish.quantity}
        if wish.chosen:
            seats = {"seat_ids": [self.id_of[position] for position in wish.chosen]}
        body = BookingCreate(event_id=self.event_id, hold=wish.hold, **seats)
        return BookingRequest(user_id=person, body=body, key=wish.key)

    def requests(self, wishes: Sequence[Wish]) -> list[BookingRequest]:
        return [self._request(self.people[wish.person], wish) for wish in wishes]

    async def one_by_one(self, desk: BookingDesk, requests: Sequence[BookingRequest]) -> list[Any]:
        return [(await book_at_once(desk, [request]))[0] for request in requests]

    def plain(self, told: Any) -> Any:
        """What is the same of two events that are alike."""
        if isinstance(told, Problem):
            # Alternatives are looked for afterwards.
            members = {k: v for k, v in told.members.items() if k != "alternatives"}
            if "seat_ids" in members:
                members["seat_ids"] = sorted(self.position_of[i] for i in members["seat_ids"])
            return told.status, told.code, told.detail, members
        assert isinstance(told, tuple), told
        booking, is_replay = orjson.loads(encode(told[0])), told[1]
        seats = [self.position_of[str(seat["id"])] for seat in booking["seats"]]
        return booking["status"], seats, booking["total"], is_replay

    async def leftovers(self) -> dict[str, list[Any]]:
        """All that is written down about the event, by person and position."""
        known = {"id": self.event_id, "event_id": self.event["id"], "people": self.people}
        found = {}
        for name, statement in LEFTOVERS.items():
            read = await rows(self.app, statement, **known)
            found[name] = sorted((self._named(row) for row in read), key=str)
        return found

    def _named(self, row: Any) -> Any:
        named = []
        for value in row:
            is_person = isinstance(value, UUID)
            known = is_person and value in self.people
            named.append(self.people.index(value) if known else "other" if is_person else value)
        return named


LEFTOVERS = {
    "seats": """
        SELECT seat.position, booking.user_id, booking.status FROM seat
        LEFT JOIN booking ON booking.id = seat.booking_id WHERE seat.event_id = :id
    """,
    "bookings": """
        SELECT user_id, status, quantity, total, expires_at IS NULL,
            (SELECT array_agg(position ORDER BY position) FROM ticket WHERE booking_id = booking.id)
        FROM booking WHERE event_id = :id
    """,
    "keys": """
        SELECT user_id, key, EXISTS (SELECT FROM booking WHERE id = booking_id)
        FROM idempotency_key WHERE user_id = ANY(:people)
    """,
    "limits": "SELECT user_id, seats FROM seat_allowance WHERE event_id = :id AND seats <> 0",
    "counts": """
        SELECT coalesce(sum(held), 0), coalesce(sum(booked), 0) FROM seat_tally WHERE event_id = :id
    """,
    "messages": """
        SELECT message->>'kind', (message->>'user_id')::uuid FROM outbox
        WHERE message->'data'->>'event_id' = :event_id
    """,
}


async def compare(
    app: FastAPI, desk: BookingDesk, scene: Scene, *, people: int = PEOPLE
) -> tuple[Any, Any, list[int]]:
    """Answers and leftovers of the batch, those of its twin, and the sizes of the batches."""
    together, apart = (Twin(app, scene, [new_id() for _ in range(people)]) for _ in range(2))
    for twin in (together, apart):
        await twin.open()
        await twin.prepare(desk)
    run = desk.batches._run
    recorded = record_batches(desk.batches)
    requests = together.requests(scene.wishes)
    told = await book_at_once(desk, requests)
    desk.batches._run = run
    # A person's second request, and one that was over the limit by holds that had lapsed, go later.
    last = {id(request): number for number, request in enumerate(sum(recorded, []))}
    order = sorted(range(len(requests)), key=lambda number: last[id(requests[number])])
    twins = apart.requests(scene.wishes)
    told_apart = await apart.one_by_one(desk, [twins[number] for number in order])
    answers = [together.plain(told[number]) for number in order]
    answers_apart = list(map(apart.plain, told_apart))
    first = (answers, await together.leftovers())
    second = (answers_apart, await apart.leftovers())
    return first, second, list(map(len, recorded))


@pytest.fixture
def explore(app: FastAPI) -> Any:
    async def run(examples: int, **options: Any) -> list[int]:
        sizes: list[int] = []
        loop = asyncio.get_running_loop()
        desk = new_desk(app.state.database, app.state.settings)

        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            **options,
        )
        @given(scene=scenes())
        def try_one(scene: Scene) -> None:
            work = compare(app, desk, scene)
            first, second, seen = asyncio.run_coroutine_threadsafe(work, loop).result(60)
            sizes.extend(seen)
            assert first == second

        await asyncio.to_thread(try_one)
        return sizes

    return run


async def test_a_batch_answers_as_its_requests_one_by_one(explore: Any) -> None:
    sizes = await explore(EXAMPLES)
    # Batches of one would show nothing.
    assert max(sizes) >= 5


async def test_after_a_refusal_the_others_of_the_batch_get_the_first_seats(app: FastAPI) -> None:
    """Whoever may have to wait for seats locks them by id, which is no order of the hall."""
    wanted = (Wish(2), Wish(3, 4), Wish(4, 4), Wish(5), Wish(6))
    scene = Scene(False, 7, "published", (), 0, None, 0, wanted)
    desk = new_desk(app.state.database, app.state.settings)
    first, second, sizes = await compare(app, desk, scene)
    assert sizes == [5]
    assert first == second
    assert [answer[1] for answer in first[0]] == [[1], [2, 3, 4, 5], "sold-out", [6], [7]]


async def test_groups_give_way_to_seats_that_others_of_the_batch_have_chosen(app: FastAPI) -> None:
    """However often: nobody is sent away with a 503 for it."""
    seats = 24
    best = [
        position for pair in zip(range(12, 0, -1), range(13, 25), strict=True) for position in pair
    ]
    wanted = tuple(
        Wish(number, chosen=(position,) if number % 2 == 0 else ())
        for number, position in enumerate(best[:20], start=2)
    )
    scene = Scene(True, seats, "published", (), 0, None, 0, wanted)
    desk = new_desk(app.state.database, app.state.settings)
    first, second, _ = await compare(app, desk, scene, people=seats + 2)
    assert first == second
    assert [answer[1] for answer in first[0]] == [[position] for position in best[:20]]
