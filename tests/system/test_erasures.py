"""An erased account through every process of a deployment."""

import time
from collections.abc import Callable
from functools import partial

from tests.system.conftest import PASSWORD, Person, publish, wait_until

MakePerson = Callable[..., Person]
REFUSED_SECONDS = 60
GONE = {"json": {"current_password": PASSWORD}}


def is_refused(person: Person, path: str) -> bool:
    return bool(person.send("GET", path).status_code == 401)


def test_an_erased_account_is_refused_everywhere_within_a_minute(
    organizer: Person, person: MakePerson
) -> None:
    event = publish(organizer, title="For the erased")
    guest = person("erased")
    held = guest.send(
        "POST", "/bookings", 201, json={"event_id": event["id"], "quantity": 2, "hold": True}
    )
    assert held.json()["status"] == "held"
    assert guest.send("GET", "/notifications").status_code == 200

    guest.send("DELETE", "/users/me", 204, **GONE)

    began = time.monotonic()
    for path in ("/bookings", "/notifications", "/users/me"):
        wait_until(partial(is_refused, guest, path), seconds=REFUSED_SECONDS, what=f"401 at {path}")
    assert time.monotonic() - began < REFUSED_SECONDS
    assert guest.book(event).status_code == 401
    # What the account held is on sale again.
    wait_until(
        lambda: organizer.send("GET", f"/events/{event['id']}/availability").json()["held"] == 0,
        seconds=REFUSED_SECONDS,
        what="the hold to end",
    )


def test_an_organizer_goes_once_no_event_is_left(person: MakePerson) -> None:
    organizer = person("leaving")
    event = publish(organizer, title="To be cancelled")
    refused = organizer.send("DELETE", "/users/me", 409, **GONE)
    assert refused.json()["type"] == "urn:problem:organizer-has-events"
    organizer.send("POST", f"/events/{event['id']}/cancel", 200, json={})
    organizer.send("DELETE", "/users/me", 204, **GONE)
