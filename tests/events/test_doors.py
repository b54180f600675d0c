"""At the door without an account: what a door link opens, for how long, and scans that come late."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from zxingcpp import read_barcodes

from event_service.doors import links, scans
from service_kit.ids import new_id
from tests.documented import refuses_as_documented
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, problem, sections
from tests.events.test_ticket_codes import pixels
from tests.events.waitlist import change, rows

MakeUser = Callable[..., User]


class Phone:
    """A helper's phone with a door link."""

    def __init__(self, app: FastAPI, event: Json, token: str) -> None:
        self.url = f"/events/{event['id']}/door"
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://localhost/api/v1",
            headers={"X-Door-Token": token},
            event_hooks={"response": [refuses_as_documented(app)]},
        )

    async def send(self, *sent: Json) -> httpx.Response:
        return await self.http.post(f"{self.url}/scans", json={"scans": list(sent)})

    async def scan(self, *sent: Json) -> list[Json]:
        answer = await self.send(*sent)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        results: list[Json] = answer.json()["results"]
        return results

    async def results(self, *sent: Json) -> list[str]:
        return [one["result"] for one in await self.scan(*sent)]


MakePhone = Callable[..., Any]


@pytest.fixture
async def phone(app: FastAPI, organizer: User) -> AsyncIterator[MakePhone]:
    """``await phone(event, "Side door")``: a phone with a new link."""
    async with AsyncExitStack() as stack:

        async def make(event: Json, name: str = "Main entrance", token: str | None = None) -> Phone:
            if token is None:
                token = (await new_link(organizer, event, name))["token"]
            made = Phone(app, event, token)
            stack.push_async_callback(made.http.aclose)
            return made

        yield make


async def new_link(organizer: User, event: Json, name: str = "Main entrance") -> Json:
    answer = await organizer.post(f"/events/{event['id']}/door-links", {"name": name})
    assert answer.status_code == 201, answer.text
    link: Json = answer.json()
    return link


def codes(booking: Json) -> list[str]:
    return [seat["ticket_code"] for seat in booking["seats"]]


def scan(code: str, **more: Any) -> Json:
    return {"id": str(uuid4()), "ticket_code": code, **more}


@pytest.fixture
async def event(published: Publish) -> Json:
    return await published(capacity=20)


@pytest.fixture
async def booking(event: Json, user: MakeUser) -> Json:
    made: Json = (await user(name="Ada").book(event, 3)).json()
    return made


async def over(app: FastAPI, event: Json, hours: float) -> None:
    await change(
        app,
        "UPDATE event SET starts_at = now() - interval '2 days',"
        " ends_at = now() - CAST(:ago AS interval) WHERE id = :id",
        id=event["id"],
        ago=timedelta(hours=hours),
    )


async def test_a_helper_with_a_link_checks_in_once_and_sees_who_comes(
    organizer: User, phone: MakePhone, event: Json, booking: Json
) -> None:
    door = await phone(event)
    shown = (await door.http.get(door.url)).json()
    assert (shown["event_id"], shown["door"], shown["checked_in"]) == (
        event["id"],
        "Main entrance",
        0,
    )
    first, second, _ = codes(booking)
    answer = (await door.send(scan(first), scan(second.lower().replace("-", " ")))).json()
    assert (answer["checked_in"], answer["capacity"]) == (2, 20)
    assert [one["result"] for one in answer["results"]] == ["checked-in"] * 2
    one = answer["results"][0]
    assert (one["ticket_code"], one["guest_name"], one["seat"]["id"]) == (
        first, "Ada", booking["seats"][0]["id"]
    )  # fmt: skip
    assert await door.results(scan(first), scan("ZZZZ-ZZZZ-ZZZZ-ZZZZ")) == [
        "already-checked-in", "unknown-ticket"
    ]  # fmt: skip
    again = await organizer.post(f"/events/{event['id']}/check-ins", {"ticket_code": first})
    assert problem(again) == (409, "already-checked-in")
    listed = (await organizer.get(f"/events/{event['id']}/bookings?checked_in=true")).json()
    assert [item["id"] for item in listed["items"]] == [booking["id"]]


async def test_a_check_in_is_undone_at_the_door(
    organizer: User, phone: MakePhone, event: Json, booking: Json
) -> None:
    door, [code, *_] = await phone(event), codes(booking)
    await door.scan(scan(code))
    for _ in range(2):
        undone = await door.http.delete(f"{door.url}/check-ins/{code.lower()}")
        assert undone.status_code == 204
    assert await door.results(scan(code)) == ["checked-in"]
    assert problem(await door.http.delete(f"{door.url}/check-ins/NOSUCH")) == (404, "not-found")


async def test_a_link_opens_its_own_event_only(
    user: MakeUser, phone: MakePhone, published: Publish, event: Json, booking: Json
) -> None:
    other = await published(capacity=5)
    theirs = (await user().book(other)).json()
    door = await phone(event)
    assert await door.results(scan(codes(theirs)[0])) == ["unknown-ticket"]
    undo = await door.http.delete(f"{door.url}/check-ins/{codes(theirs)[0]}")
    assert problem(undo) == (404, "not-found")
    token = door.http.headers["X-Door-Token"]
    elsewhere = await phone(other, token=token)
    for method, path in (("GET", ""), ("GET", "/snapshot"), ("DELETE", "/check-ins/x")):
        answer = await elsewhere.http.request(method, f"{elsewhere.url}{path}")
        assert problem(answer) == (401, "not-authenticated"), path
    assert problem(await elsewhere.send(scan(codes(theirs)[0]))) == (401, "not-authenticated")
    # It is no sign-in: whatever else there is stays closed.
    for path in ("bookings", "sales", "door-links", "door-conflicts", "attendees.csv"):
        assert (await door.http.get(f"/events/{event['id']}/{path}")).status_code == 401, path
    check_in = await door.http.post(f"/events/{event['id']}/check-ins", json={"ticket_code": "x"})
    assert check_in.status_code == 401


async def test_a_withdrawn_link_opens_nothing_from_then_on(
    organizer: User, phone: MakePhone, event: Json, booking: Json
) -> None:
    link, other = await new_link(organizer, event), await phone(event, "Side door")
    door = await phone(event, token=link["token"])
    assert (await door.http.get(door.url)).status_code == 200
    url = f"/events/{event['id']}/door-links/{link['id']}"
    for _ in range(2):
        assert (await organizer.delete(url)).status_code == 204
    assert problem(await door.send(scan(codes(booking)[0]))) == (401, "not-authenticated")
    assert problem(await door.http.get(door.url)) == (401, "not-authenticated")
    assert await other.results(scan(codes(booking)[0])) == ["checked-in"]
    assert problem(await organizer.delete(f"{url[:-36]}{new_id()}")) == (404, "not-found")


async def test_a_link_ends_with_its_event_and_late_scans_are_taken_for_a_while(
    app: FastAPI, organizer: User, phone: MakePhone, event: Json, booking: Json
) -> None:
    door, [first, second, third] = await phone(event), codes(booking)
    await over(app, event, hours=1)
    assert problem(await door.http.get(door.url)) == (401, "not-authenticated")
    assert problem(await door.http.get(f"{door.url}/snapshot")) == (401, "not-authenticated")
    assert problem(await door.send(scan(first))) == (401, "not-authenticated")
    in_time = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    late = datetime.now(UTC).isoformat()
    mixed = scan(first, scanned_at=in_time), scan(second, scanned_at=late)
    assert problem(await door.send(*mixed)) == (401, "not-authenticated")
    assert await door.results(mixed[0]) == ["checked-in"]
    await over(app, event, hours=13)
    assert problem(await door.send(scan(third, scanned_at=in_time))) == (401, "not-authenticated")
    refused = await organizer.post(f"/events/{event['id']}/door-links", {"name": "Late"})
    assert problem(refused) == (422, "invalid-request")


async def test_a_scan_that_is_sent_again_counts_once(
    app: FastAPI, phone: MakePhone, event: Json, booking: Json
) -> None:
    door, [first, second, _] = await phone(event), codes(booking)
    sent = [scan(first), scan(second)]
    before = await door.scan(*sent)
    assert await door.scan(*sent) == before
    assert [one["result"] for one in before] == ["checked-in"] * 2
    stored = await rows(app, "SELECT id FROM door_scan WHERE event_id = :id", id=event["id"])
    assert len(stored) == 2
    # The same id with another ticket is another scan.
    assert await door.results({**sent[0], "ticket_code": codes(booking)[2]}) == ["checked-in"]


async def test_control_under_another_id_it_is_a_second_scan(
    phone: MakePhone, event: Json, booking: Json
) -> None:
    door, code = await phone(event), codes(booking)[0]
    assert await door.results(scan(code)) == ["checked-in"]
    assert await door.results(scan(code)) == ["already-checked-in"]


async def test_of_scans_of_one_ticket_at_once_one_admits(
    app: FastAPI, phone: MakePhone, event: Json, booking: Json
) -> None:
    doors = [await phone(event, f"Door {number}") for number in range(4)]
    code = codes(booking)[0]
    answers = await asyncio.gather(*(door.results(scan(code)) for door in doors * 3))
    assert sorted(result for [result] in answers) == ["already-checked-in"] * 11 + ["checked-in"]
    same = scan(codes(booking)[1])
    answers = await asyncio.gather(*(door.results(same) for door in doors * 3))
    assert answers == [["checked-in"]] * 12


async def test_conflicts_between_doors_are_shown_with_both_and_when(
    organizer: User, phone: MakePhone, event: Json, booking: Json
) -> None:
    north, south = await phone(event, "North"), await phone(event, "South")
    first, second, _ = codes(booking)
    earlier = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    await change_created(organizer, booking)
    await south.scan(scan(first))
    kept = scan(first, scanned_at=earlier.isoformat())
    for _ in range(2):
        assert await north.results(kept) == ["already-checked-in"]
    await organizer.post(f"/events/{event['id']}/check-ins", {"ticket_code": second})
    await north.scan(scan(second))
    url = f"/events/{event['id']}/door-conflicts"
    page = (await organizer.get(f"{url}?limit=1")).json()
    rest = (await organizer.get(f"{url}?limit=1&cursor={page['next_cursor']}")).json()
    assert rest["next_cursor"] is None
    latest, oldest = page["items"][0], rest["items"][0]
    assert (latest["first_door"], latest["door"], latest["ticket_code"]) == (None, "North", second)
    assert (oldest["first_door"], oldest["door"], oldest["ticket_code"]) == (
        "South",
        "North",
        first,
    )
    assert (oldest["id"], oldest["guest_name"]) == (kept["id"], "Ada")
    assert oldest["seat"]["id"] == booking["seats"][0]["id"]


async def change_created(organizer: User, booking: Json) -> None:
    app: Any = organizer.http._transport.app  # type: ignore[attr-defined]
    await change(
        app, "UPDATE booking SET created_at = now() - interval '1 day' WHERE id = :id",
        id=booking["id"],
    )  # fmt: skip


async def test_a_late_scan_keeps_its_time_and_no_clock_of_a_phone_reaches_the_future(
    organizer: User, phone: MakePhone, event: Json, booking: Json
) -> None:
    await change_created(organizer, booking)
    door, (first, second, third) = await phone(event), codes(booking)
    now = datetime.now(UTC)
    for code, said, meant in (
        (first, now - timedelta(hours=1), now - timedelta(hours=1)),
        (second, now + timedelta(days=1), now),
        (third, datetime(2001, 1, 1, tzinfo=UTC), now - timedelta(days=1)),
    ):
        [answer] = await door.scan(scan(code, scanned_at=said.isoformat()))
        at = datetime.fromisoformat(answer["checked_in_at"])
        assert abs(at - meant) < timedelta(minutes=1)


async def test_a_snapshot_has_hashes_of_what_is_valid_and_no_code_or_name(
    app: FastAPI, user: MakeUser, phone: MakePhone, published: Publish
) -> None:
    plan = sections(("Stalls", "A", 6))
    event = await published(seating={"kind": "assigned", "sections": plan})
    booking = (await user(name="Ada").book(event, 2)).json()
    await user().book(event, 1, hold=True)
    gone = (await user().book(event, 1)).json()
    await change(app, "UPDATE booking SET status = 'cancelled' WHERE id = :id", id=gone["id"])
    door = await phone(event)
    await door.scan(scan(codes(booking)[1]))
    answer = await door.http.get(f"{door.url}/snapshot")
    assert answer.headers["cache-control"] == "no-store"
    assert "Ada" not in answer.text
    assert not any(code in answer.text for code in codes(booking))
    tickets = {ticket.pop("hash"): ticket for ticket in answer.json()["tickets"]}
    assert set(answer.json()["tickets"][0]) == {"hash", "section", "row", "number", "is_checked_in"}
    for index, seat in enumerate(booking["seats"]):
        content = f"{event['id']}:{seat['ticket_code'].replace('-', '')}"
        ticket = tickets.pop(hashlib.sha256(content.encode()).hexdigest()[:32])
        assert ticket == {
            "section": "Stalls", "row": "A", "number": seat["number"], "is_checked_in": index == 1
        }  # fmt: skip
    assert tickets == {}
    known = {"If-None-Match": answer.headers["ETag"]}
    same = await door.http.get(f"{door.url}/snapshot", headers=known)
    assert same.status_code == 304
    await door.scan(scan(codes(booking)[0]))
    assert (await door.http.get(f"{door.url}/snapshot", headers=known)).status_code == 200


async def test_the_organizer_and_superusers_open_the_door_without_a_link(
    organizer: User, user: MakeUser, anybody: httpx.AsyncClient, event: Json, booking: Json
) -> None:
    url = f"/events/{event['id']}/door"
    for someone, code in zip((organizer, user(superuser=True)), codes(booking), strict=False):
        shown = await someone.get(url)
        assert (shown.status_code, shown.json()["door"]) == (200, None)
        answer = await someone.post(f"{url}/scans", {"scans": [scan(code)]})
        assert answer.json()["results"][0]["result"] == "checked-in"
    stranger = user()
    for path in ("", "/snapshot"):
        assert problem(await stranger.get(f"{url}{path}")) == (403, "forbidden")
        assert problem(await anybody.get(f"{url}{path}")) == (401, "not-authenticated")
    body = {"scans": [scan(codes(booking)[2])]}
    assert problem(await stranger.post(f"{url}/scans", body)) == (403, "forbidden")
    assert problem(await anybody.post(f"{url}/scans", json=body)) == (401, "not-authenticated")


async def test_links_are_given_out_listed_and_withdrawn_by_the_organizer(
    app: FastAPI, organizer: User, user: MakeUser, anybody: httpx.AsyncClient, event: Json
) -> None:
    url = f"/events/{event['id']}/door-links"
    made = [await new_link(organizer, event, name) for name in ("A", "B", "C")]
    assert made[0]["url"].endswith(f"/events/{event['id']}/door#{made[0]['token']}")
    assert made[0]["expires_at"] == event["ends_at"]
    [drawn] = read_barcodes(pixels(made[0]["qr_svg"].encode()))
    assert drawn.text == made[0]["url"]
    [stored] = await rows(app, "SELECT token_hash FROM door_link WHERE id = :id", id=made[0]["id"])
    assert made[0]["token"] not in stored.token_hash
    await organizer.delete(f"{url}/{made[1]['id']}")
    first = (await organizer.get(f"{url}?limit=2")).json()
    rest = (await organizer.get(f"{url}?limit=2&cursor={first['next_cursor']}")).json()
    listed = first["items"] + rest["items"]
    assert [link["name"] for link in listed] == ["C", "B", "A"]
    assert [link["withdrawn_at"] is None for link in listed] == [True, False, True]
    assert not any("token" in link for link in listed)
    draft = (await organizer.post("/events", event_body())).json()
    for someone, refusal in ((user(), (403, "forbidden")), (anybody, (401, "not-authenticated"))):
        post = someone.post(url, {"name": "x"}) if isinstance(someone, User) else someone.post(url)
        assert problem(await post) == refusal
        assert problem(await someone.get(url)) == refusal
        assert problem(await someone.delete(f"{url}/{made[0]['id']}")) == refusal
    hidden = await user().post(f"/events/{draft['id']}/door-links", {"name": "x"})
    assert problem(hidden) == (404, "not-found")
    # Another event's link is not found, also by its own organizer.
    theirs = await organizer.delete(f"/events/{draft['id']}/door-links/{made[0]['id']}")
    assert problem(theirs) == (404, "not-found")
    await organizer.post(f"/events/{event['id']}/cancel")
    refused = await organizer.post(url, {"name": "x"})
    assert problem(refused) == (409, "event-cancelled")


async def test_an_event_has_so_many_links_at_most(
    organizer: User, event: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MAX_LINKS", 2)
    url = f"/events/{event['id']}/door-links"
    first = await new_link(organizer, event)
    await new_link(organizer, event)
    refused = await organizer.post(url, {"name": "One more"})
    assert problem(refused) == (409, "too-many-door-links")
    await organizer.delete(f"{url}/{first['id']}")
    await new_link(organizer, event)


async def test_a_door_that_sends_the_same_ticket_for_ever_fills_no_disk(
    app: FastAPI, phone: MakePhone, event: Json, booking: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "SCANS_PER_TICKET", 3)
    door, code = await phone(event), codes(booking)[0]
    results = await door.results(*(scan(code) for _ in range(6)))
    assert results == ["checked-in"] + ["already-checked-in"] * 5
    stored = await rows(app, "SELECT id FROM door_scan WHERE event_id = :id", id=event["id"])
    assert len(stored) == 3


async def test_a_cancelled_ticket_takes_its_scans_along(
    organizer: User, user: MakeUser, phone: MakePhone, event: Json
) -> None:
    guest = user()
    booking = (await guest.book(event, 2)).json()
    door, [code, _] = await phone(event), codes(booking)
    await door.scan(scan(code))
    await door.http.delete(f"{door.url}/check-ins/{code}")
    seat = booking["seats"][0]["id"]
    cancelled = await guest.post(f"/bookings/{booking['id']}/cancel", {"seat_ids": [seat]})
    assert cancelled.status_code == 200
    assert await door.results(scan(code)) == ["unknown-ticket"]


async def test_guests_are_found_by_name_and_admitted_without_their_code(
    organizer: User, user: MakeUser, phone: MakePhone, published: Publish
) -> None:
    plan = sections(("Stalls", "A", 6))
    event = await published(seating={"kind": "assigned", "sections": plan})
    mine = (await user(name="José Ångström").book(event, 2)).json()
    await user(name="Grace").book(event, 1)
    held = (await user(name="Angstrom holds").book(event, 1, hold=True)).json()
    door = await phone(event, "North")
    answer = await door.http.get(f"{door.url}/guests", params={"q": "ANGSTROM"})
    assert answer.headers["cache-control"] == "no-store"
    assert not any(code in answer.text for code in codes(mine))
    found = answer.json()
    assert found["has_more"] is False
    assert [
        (one["guest_name"], one["seat"]["number"], one["checked_in_at"]) for one in found["items"]
    ] == [("José Ångström", seat["number"], None) for seat in mine["seats"]]
    seat = found["items"][1]["seat"]["id"]
    by_seat = {"id": str(uuid4()), "seat_id": seat}
    [first] = await door.scan(by_seat)
    assert (first["result"], first["ticket_code"]) == ("checked-in", codes(mine)[1])
    assert await door.results(by_seat) == ["checked-in"]
    assert await door.results(scan(codes(mine)[1])) == ["already-checked-in"]
    again = (await door.http.get(f"{door.url}/guests", params={"q": "angs"})).json()["items"]
    assert [one["checked_in_at"] is None for one in again] == [True, False]
    # A seat that is only held, and another event's, is nobody's ticket here.
    other = (await user().book(await published(capacity=5))).json()
    for booking in (held, other):
        [refused] = await door.scan({"id": str(uuid4()), "seat_id": booking["seats"][0]["id"]})
        assert (refused["result"], refused["ticket_code"]) == ("unknown-ticket", None)


async def test_names_are_found_by_whoever_opens_the_door_only(
    user: MakeUser, phone: MakePhone, event: Json, booking: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = await phone(event)
    url = f"{door.url}/guests"
    assert problem(await door.http.get(url, params={"q": "a"})) == (422, "invalid-request")
    assert problem(await door.http.get(url)) == (422, "invalid-request")
    assert problem(await user().get(f"{url}?q=ada")) == (403, "forbidden")
    monkeypatch.setattr(scans, "MAX_GUESTS", 2)
    shown = (await door.http.get(url, params={"q": "ada"})).json()
    assert (len(shown["items"]), shown["has_more"]) == (2, True)


async def test_whoever_is_refused_hears_at_which_door_the_ticket_was_used(
    organizer: User, phone: MakePhone, event: Json, booking: Json
) -> None:
    north, south = await phone(event, "North"), await phone(event, "South")
    first, second, _ = codes(booking)
    [admitted] = await north.scan(scan(first))
    assert admitted["checked_in_door"] is None
    [refused] = await south.scan(scan(first))
    assert (refused["result"], refused["checked_in_door"]) == ("already-checked-in", "North")
    await organizer.post(f"/events/{event['id']}/check-ins", {"ticket_code": second})
    [refused] = await south.scan(scan(second))
    assert (refused["result"], refused["checked_in_door"]) == ("already-checked-in", None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scans": [{"id": str(uuid4())}]},
        {"scans": [scan("A", seat_id=str(uuid4()))]},
        {"scans": []},
        {"scans": [scan("A")] * 2},
        {"scans": [scan("A", id="1")]},
        {"scans": [scan("")]},
        {"scans": [scan("A" * 201)]},
        {"scans": [scan("A", scanned_at=1_900_000_000)]},
        {"scans": [scan("A", door="North")]},
        {"scans": [scan(f"A{number}") for number in range(101)]},
    ],
)
async def test_what_is_no_scan_is_refused(phone: MakePhone, event: Json, body: Json) -> None:
    door = await phone(event)
    answer = await door.http.post(f"{door.url}/scans", json=body)
    assert problem(answer) == (422, "invalid-request")


@pytest.mark.parametrize("token", ["", "x", "x" * 100, "Bearer x", "' OR 1=1 --"])
async def test_what_is_no_token_opens_nothing(phone: MakePhone, event: Json, token: str) -> None:
    door = await phone(event, token=token)
    assert problem(await door.http.get(door.url)) == (401, "not-authenticated")
