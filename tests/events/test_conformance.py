"""What event-service answers is what its OpenAPI document says."""

from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI

from event_service.settings import Settings
from service_kit.ids import new_id
from service_kit.web.tokens import SERVICE_AUDIENCE
from tests.conformance import Trial, bearer, faults_of
from tests.conftest import FreshDatabase
from tests.event_bodies import event_body
from tests.events.conftest import Json, User, running_patiently, sections, sign

ERASURES = "POST /api/v1/bookings/erasures"
ORGANIZERS = "GET /api/v1/events/organizers/{user_id}"
OF_SUPERUSERS = ("GET /api/v1/events/all", "GET /api/v1/operations/status")
ASSIGNED = {"kind": "assigned", "sections": sections(("Stalls", "A", 20), ("Stalls", "B", 20))}


async def event_of(organizer: User, **changes: object) -> Json:
    created = await organizer.post("/events", event_body(**changes))
    answer = await organizer.post(f"/events/{created.json()['id']}/publish")
    assert answer.status_code == 200, answer.text
    event: Json = answer.json()
    return event


async def known_values(person: User, other: User) -> dict[str, list[str]]:
    """Ids of what the person has and what another has: events, bookings, a place in line."""
    draft = (await person.post("/events", event_body())).json()
    general, assigned = await event_of(person), await event_of(person, seating=ASSIGNED)
    full = await event_of(other, seating={"kind": "general", "capacity": 1})
    plan = (await person.get(f"/events/{assigned['id']}/seats")).json()
    seats = [seat["id"] for row in plan["sections"][0]["rows"] for seat in row["seats"]]
    bookings = [
        await person.book(general, 2),
        await person.book(assigned, seat_ids=seats[:3]),
        await person.book(general, hold=True),
        await other.book(full),
    ]
    booked = [answer.json() for answer in bookings]
    assert (await person.post(f"/events/{full['id']}/waitlist", {"quantity": 1})).status_code == 201
    tickets = [seat for booking in booked[:2] for seat in booking["seats"]]
    events = [event["id"] for event in (general, assigned, full, draft)]
    codes = [ticket["ticket_code"] for ticket in tickets]
    return {
        "path.event_id": events,
        "body.event_id": events,
        "query.event_id": events,
        "path.booking_id": [booking["id"] for booking in booked],
        "path.seat_id": [ticket["id"] for ticket in tickets],
        "body.seat_ids[*]": seats,
        "path.ticket_code": codes,
        "body.ticket_code": codes,
    }


async def trials_of(app: FastAPI) -> list[Trial]:
    person, other = User(app, new_id()), User(app, new_id())
    async with person.http, other.http:
        known = await known_values(person, other)
    scope = "users:erase events:organizers"
    service = bearer(sign(new_id(), aud=SERVICE_AUDIENCE, scope=scope))
    superuser = bearer(sign(new_id(), superuser=True))
    headers_of = {name: service for name in (ERASURES, ORGANIZERS)}
    headers_of |= {name: superuser for name in OF_SUPERUSERS}
    everything = Trial(bearer(sign(person.id, name="Ann Lee")), headers_of, known)
    # schemathesis reads whose the token is, and has that account erased.
    return [replace(everything, but=(ERASURES,)), replace(everything, only=(ERASURES,))]


async def test_schemathesis_finds_nothing(
    settings: Settings, fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    own = settings.model_dump() | {"database_url": await fresh_database("event")}
    async with running_patiently(Settings.model_validate(own)) as app:
        faults = await faults_of(app, await trials_of(app), tmp_path)
    assert not faults, faults
