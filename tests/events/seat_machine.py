"""Steps that people may take with the seats of one event, in any order, each beside the model."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, ClassVar

import hypothesis.strategies as st
from fastapi import FastAPI
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy import text

from service_kit.ids import new_id
from tests.event_bodies import event_body
from tests.events.conftest import Json, User, problem, sections
from tests.events.load import tidy
from tests.events.seat_model import Booked, SeatModel, Waiting

PEOPLE, LIMIT = 3, 4

people = st.integers(0, PEOPLE - 1)
groups = st.integers(1, 3)
which = st.integers(0, 100)


class Seats(RuleBasedStateMachine):
    """Rules run in a thread of their own, the service in the loop of the test."""

    app: ClassVar[FastAPI]
    loop: ClassVar[asyncio.AbstractEventLoop]
    turn = 0

    def now(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    @initialize(capacity=st.integers(1, 3), is_assigned=st.booleans())
    def open_event(self, capacity: int, is_assigned: bool) -> None:
        self.model = SeatModel(capacity, LIMIT)
        self.users = [User(self.app, new_id()) for _ in range(PEOPLE)]
        self.organizer = User(self.app, new_id())
        seating: Json = {"kind": "general", "capacity": capacity}
        if is_assigned:
            seating = {"kind": "assigned", "sections": sections(("Stalls", "A", capacity))}
        body = event_body(seating=seating, max_seats_per_user=LIMIT)
        self.event = self.now(self.organizer.post("/events", body)).json()
        self.path = f"/events/{self.event['id']}"
        assert self.now(self.organizer.post(f"{self.path}/publish")).status_code == 200
        self.seats = self.seat_states() if is_assigned else None

    def seat_states(self) -> dict[str, str]:
        plan = self.now(self.organizer.get(f"{self.path}/seats")).json()
        rows = [row for section in plan["sections"] for row in section["rows"]]
        return {seat["id"]: seat["state"] for row in rows for seat in row["seats"]}

    def choose(self, number: int, *statuses: str) -> Booked | None:
        found = [b for b in self.model.bookings.values() if b.status in statuses]
        return found[number % len(found)] if found else None

    def agree(self, answer: Any, refusal: str | None, status: int) -> Json | None:
        """The document, if the service did it as the model would."""
        if refusal:
            assert problem(answer)[1] == refusal
            return None
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else {}

    def remember(self, document: Json, user: int) -> None:
        tickets = {seat["id"]: seat["ticket_code"] for seat in document["seats"]}
        assert not tickets.keys() & self.model.taken
        booked = Booked(document["id"], user, document["status"], tickets)
        self.model.bookings[booked.id] = booked

    def offer(self) -> None:
        """The model's offers to the line, by the bookings that the service has made of them."""
        while entry := self.model.next_in_line():
            answer = self.now(self.users[entry.user].get(f"{self.path}/waitlist")).json()
            assert answer["status"] == "offered", answer
            entry.offer = answer["offer"]["booking_id"]
            self.remember(self.now(self.users[entry.user].get(f"/bookings/{entry.offer}")).json(),
                          entry.user)  # fmt: skip
            assert len(self.model.bookings[entry.offer].seats) == entry.quantity

    @rule(user=people, wanted=groups, is_hold=st.booleans())
    def book(self, user: int, wanted: int, is_hold: bool) -> None:
        self._book(user, wanted, None, is_hold)

    @precondition(lambda self: self.seats)
    @rule(user=people, choice=st.sets(which, min_size=1, max_size=3), is_hold=st.booleans())
    def choose_seats(self, user: int, choice: set[int], is_hold: bool) -> None:
        # In the order of the plan: ids that were made in one instant are in any order, and the same
        # steps must lead to the same again.
        ids = list(self.seats or ())
        self._book(user, 0, frozenset(ids[number % len(ids)] for number in choice), is_hold)

    def _book(self, user: int, wanted: int, chosen: frozenset[str] | None, is_hold: bool) -> None:
        wanted = len(chosen) if chosen else wanted
        refusal = self.model.refusal(user, wanted, chosen)
        more = {"seat_ids": [i for i in self.seats or () if i in chosen]} if chosen else {}
        answer = self.now(self.users[user].book(self.event, wanted, hold=is_hold, **more))
        document = self.agree(answer, refusal, 201)
        if document:
            assert len(document["seats"]) == wanted
            assert document["status"] == ("held" if is_hold else "confirmed")
            self.remember(document, user)

    @rule(number=which)
    def confirm(self, number: int) -> None:
        booked = self.choose(number, "held", "confirmed", "cancelled", "expired")
        if booked:
            refusal = {"cancelled": "booking-ended", "expired": "hold-expired"}.get(booked.status)
            answer = self.now(self.users[booked.user].post(f"/bookings/{booked.id}/confirm"))
            if self.agree(answer, refusal, 200):
                booked.status = "confirmed"
                self.model.line = [e for e in self.model.line if e.offer != booked.id]

    @rule(number=which)
    def cancel(self, number: int) -> None:
        booked = self.choose(number, "held", "confirmed", "cancelled")
        if booked:
            refusal = self.model.refusal_to_cancel(booked, booked.seats)
            answer = self.now(self.users[booked.user].post(f"/bookings/{booked.id}/cancel"))
            if self.agree(answer, refusal, 200):
                self.model.end(booked.id, "cancelled")
                self.offer()

    @rule(number=which, choice=st.sets(which, min_size=1, max_size=3))
    def cancel_seats(self, number: int, choice: set[int]) -> None:
        """Any that the booking has or had, by their order in it."""
        booked = self.choose(number, "held", "confirmed", "cancelled")
        if booked:
            every = [*booked.tickets, *booked.cancelled]
            named = frozenset(every[number % len(every)] for number in choice)
            refusal = self.model.refusal_to_cancel(booked, named)
            answer = self.now(
                self.users[booked.user].post(
                    f"/bookings/{booked.id}/cancel",
                    {"seat_ids": [seat for seat in every if seat in named]},
                )
            )
            document = self.agree(answer, refusal, 200)
            if document:
                self.model.cancel_seats(booked, named)
                assert document["status"] == booked.status
                assert [seat["id"] for seat in document["seats"]] == list(booked.tickets)
                self.offer()

    @rule(number=which)
    def lapse(self, number: int) -> None:
        """A hold's time is over. The sweeper comes at once only where somebody waits: before it
        does, the line may be served in another order."""
        booked = self.choose(number, "held")
        if booked:
            self.now(self.let_lapse(booked.id))
            self.model.end(booked.id, "expired")
            if self.model.waiting:
                self.sweep()

    async def let_lapse(self, booking_id: str) -> None:
        async with self.app.state.database.transaction() as session:
            for table, column, key in (
                ("seat", "held_until", "booking_id"), ("booking", "expires_at", "id"),
            ):  # fmt: skip
                change = f"UPDATE {table} SET {column} = now() - interval '1 second'"
                await session.execute(text(f"{change} WHERE {key} = :id"), {"id": booking_id})

    @rule()
    def sweep(self) -> None:
        self.now(tidy(self.app.state.database, self.app.state.settings))
        self.offer()

    @rule(user=people, wanted=groups)
    def join(self, user: int, wanted: int) -> None:
        refusal = self.model.refusal_to_join(user, wanted)
        answer = self.now(self.users[user].post(f"{self.path}/waitlist", {"quantity": wanted}))
        if self.agree(answer, refusal, 201):
            self.model.line.append(Waiting(user, wanted))
            self.sweep()

    @rule(user=people)
    def leave(self, user: int) -> None:
        entry = self.model.entry(user)
        answer = self.now(self.users[user].delete(f"{self.path}/waitlist"))
        self.agree(answer, None if entry else "not-found", 204)
        if entry and entry.offer:
            self.model.end(entry.offer, "cancelled")
            self.offer()
        elif entry:
            self.model.line.remove(entry)

    @precondition(lambda self: not self.seats)
    @rule(capacity=st.integers(1, 5))
    def change_capacity(self, capacity: int) -> None:
        refusal = "event-cancelled" if self.model.is_cancelled else None
        if not refusal and capacity < self.model.count():
            refusal = "capacity-in-use"
        answer = self.now(self.organizer.patch(self.path, {"capacity": capacity}))
        if self.agree(answer, refusal, 200):
            self.model.capacity = capacity
            self.offer()

    @rule(number=which)
    def check_in(self, number: int) -> None:
        booked = self.choose(number, "held", "confirmed", "cancelled")
        if booked:
            codes = (*booked.codes, *booked.cancelled.values())
            code = codes[number % len(codes)]
            is_valid = booked.status == "confirmed" and code in booked.codes
            refusal = None if is_valid else "not-found"
            if not refusal and code in self.model.checked_in:
                refusal = "already-checked-in"
            body = {"ticket_code": code}
            if self.agree(
                self.now(self.organizer.post(f"{self.path}/check-ins", body)), refusal, 200
            ):
                self.model.checked_in.add(code)

    @precondition(lambda self: self.model.checked_in)
    @rule(number=which)
    def undo_check_in(self, number: int) -> None:
        # In the order of bookings: codes are random, and the same steps must lead to the same again.
        every = [code for booked in self.model.bookings.values() for code in booked.codes]
        codes = [code for code in every if code in self.model.checked_in]
        code = codes[number % len(codes)]
        refusal = None if any(code in b.codes for b in self.model.live()) else "not-found"
        answer = self.now(self.organizer.delete(f"{self.path}/check-ins/{code}"))
        self.agree(answer, refusal, 204)
        if not refusal:
            self.model.checked_in.remove(code)

    @precondition(lambda self: len(self.model.bookings) > 5)
    @rule()
    def cancel_event(self) -> None:
        assert self.now(self.organizer.post(f"{self.path}/cancel")).status_code == 200
        self.model.cancel_event()

    @invariant()
    def seats_are_counted_right(self) -> None:
        counts = {"held": self.model.count("held"), "booked": self.model.count("confirmed")}
        expected = {"capacity": self.model.capacity, "available": self.model.free, **counts}
        assert self.now(self.organizer.get(f"{self.path}/availability")).json() == expected
        if self.seats:
            states = {"held": "held", "confirmed": "booked"}
            of = {s: states[b.status] for b in self.model.live() for s in b.seats}
            assert self.seat_states() == {seat: of.get(seat, "free") for seat in self.seats}

    @invariant()
    def one_of_them_sees_their_own(self) -> None:
        self.turn = (self.turn + 1) % PEOPLE
        user = self.users[self.turn]
        listed = self.now(user.get("/bookings?limit=100")).json()["items"]
        own = {
            b.id: (b.status, b.seats) for b in self.model.bookings.values() if b.user == self.turn
        }
        assert own == {
            item["id"]: (item["status"], frozenset(seat["id"] for seat in item["seats"]))
            for item in listed
        }
        entry = self.model.entry(self.turn)
        place = self.now(user.get(f"{self.path}/waitlist"))
        assert place.status_code == (200 if entry else 404)
        if entry:
            ahead = 0 if entry.offer else self.model.waiting.index(entry) + 1
            assert place.json()["position"] == ahead

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.now(self.rows_agree())

    async def rows_agree(self) -> None:
        """What nobody is shown: the limit's own count, when the sweeper has been."""
        await tidy(self.app.state.database, self.app.state.settings)
        async with self.app.state.database.transaction() as session:
            found = await session.execute(
                text(
                    "SELECT user_id, seats FROM seat_allowance WHERE event_id = :id AND seats > 0"
                ),
                {"id": self.event["id"]},
            )
            counted = {row.user_id: row.seats for row in found}
        uses = Counter({user.id: self.model.uses(n) for n, user in enumerate(self.users)})
        assert counted == dict(+uses)
        for user in [*self.users, self.organizer]:
            await user.http.aclose()
