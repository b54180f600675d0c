"""Who comes in a load test: people who look, who buy, a crowd at the start of a sale, and an evening's staff.

Each answer that the contract allows counts as one: a seat that somebody else was faster for is no failure.
"""

import contextlib
import random
from typing import Any, ClassVar

from locust import FastHttpUser, between, constant, task
from locust.exception import StopUser

from tests.load.target import Account, NotPrepared, Target
from tests.load.verdict import Event, Json

WORDS = ("jazz", "театр", "meetup", "concert", "ballet", "nothing like it")
PLACES = (1, 1, 2, 2, 2, 4)
NONE_FREE = -1


class Person(FastHttpUser):
    """Somebody with an account of one's own."""

    abstract = True
    target: ClassVar[Target]
    # A browser's patience.
    network_timeout = 30.0
    connection_timeout = 10.0

    def on_start(self) -> None:
        self.account = self.target.next_account()
        self.bookings: list[tuple[Event, Json]] = []

    def ask(
        self,
        method: str,
        path: str,
        name: str,
        *allowed: int,
        account: Account | None = None,
        **options: Any,
    ) -> tuple[int, Any]:
        """Status and JSON of the answer; the status is 0 if there was none. Whoever's token has ended
        meanwhile signs in anew, once."""
        account = account or self.account
        token = account.token
        status, body = self._ask(token, method, path, name, *allowed, 401, **options)
        if status == 401:
            # Where that fails, the old one is refused again, and the run has its fault.
            with contextlib.suppress(NotPrepared):
                self.target.renew(account, token)
            status, body = self._ask(account.token, method, path, name, *allowed, **options)
        return status, body

    def _ask(
        self, token: str, method: str, path: str, name: str, *allowed: int, **options: Any
    ) -> tuple[int, Any]:
        url, headers = f"/api/v1{path}", {"Authorization": f"Bearer {token}"}
        with self.client.request(
            method, url, name=name, headers=headers, catch_response=True, **options
        ) as answer:
            if answer.status_code in allowed:
                answer.success()
            elif answer.status_code:
                answer.failure(f"{answer.status_code}")
            is_read = answer.status_code in allowed and answer.status_code != 304
            return answer.status_code or 0, answer.json() if is_read else None

    def look(self) -> Event:
        event = random.choice(self.target.events)
        self.ask("GET", f"/events/{event.id}", "an event", 200)
        return event

    def book(self, event: Event) -> int:
        """The status of the answer, or NONE_FREE; what is booked is counted."""
        wish: Json = {"quantity": random.choice(PLACES)}
        if event.is_assigned:
            free = self.free_seats(event)
            if not free:
                return NONE_FREE
            first = random.randrange(len(free))
            wish = {"seat_ids": free[first : first + wish["quantity"]]}
        body = {"event_id": event.id, **wish}
        with event.asked(max(PLACES)) as answered:
            status, booking = self.ask("POST", "/bookings", "book", 201, 409, json=body)
            if status in (201, 409):
                answered()
        if status == 201:
            event.add(booking)
            self.bookings.append((event, booking))
        return status

    def free_seats(self, event: Event) -> list[str]:
        _, plan = self.ask("GET", f"/events/{event.id}/seats", "a seat map", 200)
        seats = [
            seat
            for section in (plan or {}).get("sections", [])
            for row in section["rows"]
            for seat in row["seats"]
        ]
        return [seat["id"] for seat in seats if seat["state"] == "free"]


class Browsing(Person):
    """Looks for something to go to."""

    weight = 6
    wait_time = between(0.5, 2)

    @task(3)
    def read_the_list(self) -> None:
        _, page = self.ask("GET", "/events?limit=20", "the list", 200)
        cursor = (page or {}).get("next_cursor")
        if cursor:
            self.ask("GET", f"/events?limit=20&cursor={cursor}", "the list, further", 200)

    @task(2)
    def search(self) -> None:
        self.ask("GET", f"/events?q={random.choice(WORDS)}", "a search", 200)

    @task(3)
    def open_an_event(self) -> None:
        event = self.look()
        self.ask("GET", f"/events/{event.id}/availability", "what is left", 200)


class Buying(Person):
    """Books, looks at the tickets, and now and then thinks better of it."""

    weight = 3
    wait_time = between(0.5, 2)

    @task(4)
    def buy(self) -> None:
        self.book(self.look())

    @task(2)
    def read_own_bookings(self) -> None:
        self.ask("GET", "/bookings", "own bookings", 200)

    @task(1)
    def cancel(self) -> None:
        if not self.bookings:
            return
        event, booking = self.bookings.pop()
        with event.asked(len(booking["seats"])) as answered:
            status, _ = self.ask("POST", f"/bookings/{booking['id']}/cancel", "cancel", 200, 409)
            if status in (200, 409):
                answered()
        if status == 200:
            event.remove(booking)


class OnSale(Person):
    """A crowd that wants more seats of one hall than it has, and goes when none is free."""

    wait_time = constant(0)

    @task
    def buy(self) -> None:
        event = self.target.events[0]
        if self.book(event) == NONE_FREE:
            raise StopUser


class Staff(Buying):
    """An organizer at the desk and helpers at the door; each guest that is admitted has booked here."""

    weight = 1
    wait_time = between(0.2, 1)

    @task(2)
    def look_at_sales(self) -> None:
        event = random.choice(self.target.events)
        self.ask(
            "GET", f"/events/{event.id}/bookings", "who comes", 200, account=self.target.organizer
        )

    @task(4)
    def admit(self) -> None:
        if not self.bookings:
            self.book(self.look())
            return
        event, booking = self.bookings.pop()
        path, organizer = f"/events/{event.id}/check-ins", self.target.organizer
        for seat in booking["seats"]:
            body = {"ticket_code": seat["ticket_code"]}
            self.ask("POST", path, "admit", 200, json=body, account=organizer)
