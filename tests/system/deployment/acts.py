"""What guests do in the drill: each is one or two requests, which are noted with what came of them."""

import random
import time

import httpx

from tests.system.deployment.clients import Json, Person

# A confirmation that has not left yet is overtaken by the cancellation: only older ones are cancelled.
CANCEL_AFTER_SECONDS = 20.0


async def _list(person: Person, _: str) -> None:
    await person.ask("list", "GET", "/api/v1/events", check=lambda a: len(a.json()["items"]) > 1)


async def _look(person: Person, event: str) -> None:
    path = f"/api/v1/events/{event}"
    await person.ask("event", "GET", path, check=lambda a: bool(a.json()["id"] == event))


async def _page(person: Person, _: str) -> None:
    await person.ask("page", "GET", "/", check=lambda a: "</html>" in a.text)


async def _seats(person: Person, event: str) -> None:
    path = f"/api/v1/events/{event}/availability"
    await person.ask("availability", "GET", path, check=lambda a: a.json()["capacity"] >= 1000)


async def _mails(person: Person, _: str) -> None:
    """notification-service: one's own mails."""
    own = len(person.bookings) > 0
    await person.ask(
        "mails",
        "GET",
        "/api/v1/notifications",
        check=lambda a: bool(a.json()["items"]) or not own,
    )


async def _profile(person: Person, _: str) -> None:
    """auth-service: who one is."""
    email = person.email
    await person.ask(
        "profile", "GET", "/api/v1/users/me", check=lambda a: bool(a.json()["email"] == email)
    )


async def _refresh(person: Person, _: str) -> None:
    """auth-service: a spent token again would be refused, so that a repeated request is seen."""
    body = {"refresh_token": person.refresh_token}
    answer = await person.ask("refresh", "POST", "/api/v1/auth/refresh", json=body)
    if answer is not None:
        person.use(answer.json())


def _is_booking(event: str, quantity: int, status: str, answer: httpx.Response) -> bool:
    booking = answer.json()
    found = booking["event_id"], len(booking["seats"]), booking["status"]
    return found == (event, quantity, status)


async def _book(person: Person, event: str) -> None:
    await book(person, event, random.choice((1, 1, 2)))


async def book(person: Person, event: str, quantity: int) -> None:
    """So many seats, noted with the person's bookings."""
    body = {"event_id": event, "quantity": quantity}
    answer = await person.ask(
        "book",
        "POST",
        "/api/v1/bookings",
        expect=(201,),
        check=lambda a: _is_booking(event, quantity, "confirmed", a),
        json=body,
    )
    _note(person, answer)


async def _hold(person: Person, event: str) -> None:
    body = {"event_id": event, "quantity": 2, "hold": True}
    answer = await person.ask(
        "hold",
        "POST",
        "/api/v1/bookings",
        expect=(201,),
        check=lambda a: _is_booking(event, 2, "held", a),
        json=body,
    )
    _note(person, answer)
    if answer is None:
        return
    confirmed = await person.ask(
        "confirm",
        "POST",
        f"/api/v1/bookings/{answer.json()['id']}/confirm",
        check=lambda a: _is_booking(event, 2, "confirmed", a),
    )
    _note(person, confirmed)


async def _cancel(person: Person, event: str) -> None:
    """The oldest that is old enough; without one, a look at one's bookings."""
    now = time.monotonic()
    for booking in person.bookings.values():
        if booking["status"] == "confirmed" and now - booking["at"] > CANCEL_AFTER_SECONDS:
            break
    else:
        await person.ask("bookings", "GET", "/api/v1/bookings")
        return
    answer = await person.ask(
        "cancel",
        "POST",
        f"/api/v1/bookings/{booking['id']}/cancel",
        check=lambda a: bool(a.json()["status"] == "cancelled"),
    )
    _note(person, answer)


def _note(person: Person, answer: httpx.Response | None) -> None:
    if answer is not None:
        booking: Json = answer.json()
        person.bookings[booking["id"]] = booking | {"at": time.monotonic()}


# How often of a hundred times each is done.
ACTS = {
    _list: 16,
    _look: 16,
    _page: 8,
    _seats: 8,
    _mails: 8,
    _profile: 8,
    _refresh: 3,
    _book: 20,
    _hold: 6,
    _cancel: 7,
}


async def act(person: Person, event: str) -> None:
    """Something that a guest does, at random."""
    [chosen] = random.choices(list(ACTS), list(ACTS.values()))
    await chosen(person, event)
