"""The steps of the smoke test. Each raises SmokeFailed with one line that says why."""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID, uuid4

import jwt

from event_service.smoke.client import API, Json, Service, SmokeFailed
from event_service.statuses import BookingStatus

MAIL_SECONDS = 30.0
MAIL_PAUSE_SECONDS = 0.5
# An address that no mail server delivers to: see auth_service/smoke_account.py.
NO_MAILBOX_DOMAIN = ".invalid"
UNSENT = ("failed", "dropped")


@dataclass(frozen=True)
class Account:
    """The smoke account; ``has_mailbox`` says whether mails to it go anywhere."""

    id: UUID
    has_mailbox: bool


async def check_auth(auth: Service, token: str) -> Account:
    """Whose token it is, whether its key is published, and that a wrong password does not let in."""
    me = await auth.ask("GET", f"{API}/users/me")
    keys = await auth.ask("GET", "/.well-known/jwks.json")
    kid = jwt.get_unverified_header(token).get("kid")
    if kid not in [key.get("kid") for key in keys.get("keys", [])]:
        raise auth.failure("GET", "/.well-known/jwks.json", "does not have the key of the token")
    # Of nobody's account: a real one would be locked after some deployments.
    form = {"username": f"{uuid4().hex}@parterre.invalid", "password": uuid4().hex}
    await auth.send("POST", f"{API}/auth/login", 400, data=form)
    return Account(UUID(me["id"]), not str(me["email"]).endswith(NO_MAILBOX_DOMAIN))


async def check_lists(event: Service) -> None:
    """What everybody reads first: the page, the list, and the list by GraphQL."""
    page = await event.send("GET", "/")
    if not page.headers.get("content-type", "").startswith("text/html"):
        raise event.failure("GET", "/", "is no page")
    await event.ask("GET", f"{API}/events?limit=1")
    query = {"query": "{ events(first: 1) { items { id } } }"}
    answer = await event.ask("POST", f"{API}/graphql", json=query)
    if "errors" in answer:
        raise event.failure("POST", f"{API}/graphql", "answered with errors")


async def check_hidden(event: Service, hidden: Json) -> None:
    """It opens by its id, and no list has it."""
    shown = await event.ask("GET", f"{API}/events/{hidden['id']}")
    if shown["title"] != hidden["title"]:
        raise event.failure("GET", f"{API}/events/{hidden['id']}", "is another event")
    by_owner = f"{API}/events?organizer={hidden['organizer_id']}"
    listed = await event.ask("GET", by_owner)
    if listed["items"]:
        raise event.failure("GET", by_owner, "lists the hidden event")


async def cancel_leftovers(event: Service, event_id: str) -> int:
    """Ends what an earlier run was not able to end; returns how many bookings that were."""
    ended = 0
    for status in (BookingStatus.CONFIRMED, BookingStatus.HELD):
        found = await event.ask("GET", f"{API}/bookings?event_id={event_id}&status={status}")
        for booking in found["items"]:
            await cancel(event, booking["id"])
            ended += 1
    return ended


async def book(event: Service, event_id: str, *, hold: bool) -> str:
    """Books one seat, and reads the booking back; returns its id."""
    expected = BookingStatus.HELD if hold else BookingStatus.CONFIRMED
    body = {"event_id": event_id, "quantity": 1, "hold": hold}
    headers = {"Idempotency-Key": f"smoke-{uuid4()}"}
    booking = await event.ask("POST", f"{API}/bookings", 201, json=body, headers=headers)
    booking_id = str(booking["id"])
    read = await event.ask("GET", f"{API}/bookings/{booking_id}")
    if read["status"] != expected or len(read["seats"]) != 1:
        raise event.failure(
            "GET", f"{API}/bookings/{booking_id}", f"is {read['status']} and not {expected}"
        )
    return booking_id


async def cancel(event: Service, booking_id: str) -> None:
    """Sends a mail for a confirmed booking, none for a hold."""
    path = f"{API}/bookings/{booking_id}/cancel"
    ended = await event.ask("POST", path)
    if ended["status"] != BookingStatus.CANCELLED:
        raise event.failure("POST", path, f"left the booking {ended['status']}")


async def find_mail(notification: Service, booking_id: str) -> None:
    """Waits until notification-service says that the booking's mail was sent, ``MAIL_SECONDS`` at most."""
    deadline = time.monotonic() + MAIL_SECONDS
    path = f"{API}/notifications?booking_id={booking_id}"
    while True:
        mails = (await notification.ask("GET", path))["items"]
        mail = next((mail for mail in mails if mail["kind"] == "booking-confirmed"), None)
        if mail is not None and mail["status"] == "sent":
            return
        if time.monotonic() >= deadline or (mail is not None and mail["status"] in UNSENT):
            raise SmokeFailed(where_it_stands(mail))
        await asyncio.sleep(MAIL_PAUSE_SECONDS)


def where_it_stands(mail: Json | None) -> str:
    """Why the mail was not sent, and where to look next."""
    if mail is None:
        return (
            f"mail: notification-service has heard nothing of the booking in {MAIL_SECONDS:.0f} s; "
            "look at event-relay, the queue and notification-worker"
        )
    notes = [step["note"] for step in mail["timeline"] if step["note"]]
    reason = mail["last_error"] or (notes[-1] if notes else "no reason is given")
    attempts = f"after {mail['attempts']} attempts" if mail["attempts"] else "not yet tried"
    return f"mail: the booking's mail is {mail['status']} ({attempts}): {reason}"
