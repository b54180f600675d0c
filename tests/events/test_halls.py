"""Plans of halls that an organizer keeps for later events."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from event_service.erasures.service import erase_account
from event_service.halls import service
from service_kit.ids import new_id
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, problem
from tests.events.test_copies import PLAN, seats
from tests.events.waitlist import rows

MakeUser = Callable[..., User]


async def kept(user: User, **body: Any) -> Json:
    answer = await user.post("/halls", {"name": "Great room", "sections": PLAN} | body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/halls/{answer.json()['id']}"
    hall: Json = answer.json()
    return hall


async def test_a_hall_is_kept_shown_and_makes_an_event(organizer: User) -> None:
    hall = await kept(organizer)
    assert (hall["name"], hall["seats"]) == ("Great room", 14)
    again = (await organizer.get(f"/halls/{hall['id']}")).json()
    assert again == hall
    assert hall["sections"] == [PLAN[0], PLAN[1] | {"price": None}]
    seating = {"kind": "assigned", "sections": again["sections"]}
    event = await organizer.post("/events", event_body(seating=seating))
    assert (event.status_code, event.json()["capacity"]) == (201, 14)


async def test_a_hall_is_kept_as_an_event_has_it_now(organizer: User, published: Publish) -> None:
    event = await published(seating={"kind": "assigned", "sections": PLAN})
    hall = await kept(organizer, sections=None, event_id=event["id"])
    assert hall["sections"] == [PLAN[0], PLAN[1] | {"price": None}]
    other = [{"name": "Stalls", "rows": [{"name": "A", "seats": "ss__aaxs"}]}]
    await organizer.patch(f"/events/{event['id']}", {"sections": other})
    now = await kept(organizer, sections=None, event_id=event["id"])
    assert now["sections"] == [other[0] | {"price": None}]
    assert (await organizer.get(f"/halls/{hall['id']}")).json()["sections"] == hall["sections"]
    general = await published()
    refused = await organizer.post("/halls", {"name": "x", "event_id": general["id"]})
    assert problem(refused) == (422, "invalid-request")
    assert refused.json()["errors"][0]["field"] == "event_id"
    made = await published(seating={"kind": "assigned", "sections": hall["sections"]})
    copy = (await organizer.get(f"/events/{made['id']}/seats")).json()
    assert len(seats(copy)) == 16


async def test_halls_are_listed_replaced_and_deleted(organizer: User) -> None:
    halls = [await kept(organizer, name=name) for name in ("A", "B", "C")]
    first = (await organizer.get("/halls?limit=2")).json()
    rest = (await organizer.get(f"/halls?limit=2&cursor={first['next_cursor']}")).json()
    listed = first["items"] + rest["items"]
    assert [hall["name"] for hall in listed] == ["C", "B", "A"]
    assert all("sections" not in hall for hall in listed) and rest["next_cursor"] is None
    small = [{"name": "S", "rows": [{"name": "1", "seats": 3}]}]
    url = f"/halls/{halls[0]['id']}"
    changed = await organizer.http.put(url, json={"name": "Small", "sections": small})
    assert (changed.json()["name"], changed.json()["seats"]) == ("Small", 3)
    assert (await organizer.get(url)).json()["sections"] == [small[0] | {"price": None}]
    assert (await organizer.delete(url)).status_code == 204
    for answer in (await organizer.get(url), await organizer.delete(url)):
        assert problem(answer) == (404, "not-found")


async def test_a_hall_is_its_owners_alone(
    organizer: User, user: MakeUser, anybody: httpx.AsyncClient, published: Publish
) -> None:
    hall = await kept(organizer)
    event = await published(seating={"kind": "assigned", "sections": PLAN})
    draft = (await organizer.post("/events", event_body())).json()
    url, body = f"/halls/{hall['id']}", {"name": "x", "sections": PLAN}
    for someone in (user(), user(superuser=True)):
        assert problem(await someone.get(url)) == (404, "not-found")
        assert problem(await someone.http.put(url, json=body)) == (404, "not-found")
        assert problem(await someone.delete(url)) == (404, "not-found")
        assert (await someone.get("/halls")).json()["items"] == []
    stranger = user()
    for of, refusal in ((event, (403, "forbidden")), (draft, (404, "not-found"))):
        taken = await stranger.post("/halls", {"name": "x", "event_id": of["id"]})
        assert problem(taken) == refusal
    assert problem(await anybody.get("/halls")) == (401, "not-authenticated")
    assert problem(await anybody.post("/halls", json=body)) == (401, "not-authenticated")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"name": "", "sections": PLAN},
        {"name": "x" * 101, "sections": PLAN},
        {"name": "x", "sections": PLAN, "event_id": str(new_id())},
        {"name": "x", "sections": []},
        {"name": "x", "sections": PLAN + PLAN},
        {"name": "x", "sections": [{"name": "S", "rows": [{"name": "1", "seats": "xx"}]}]},
        {"name": "x", "sections": PLAN, "owner_id": str(new_id())},
    ],
)
async def test_what_is_no_hall_is_refused(organizer: User, body: Json) -> None:
    answer = await organizer.post("/halls", body)
    assert problem(answer) == (422, "invalid-request")


async def test_somebody_keeps_so_many_halls_at_most(
    organizer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_HALLS", 2)
    first = await kept(organizer)
    await kept(organizer)
    refused = await organizer.post("/halls", {"name": "x", "sections": PLAN})
    assert problem(refused) == (409, "too-many-halls")
    await organizer.delete(f"/halls/{first['id']}")
    await kept(organizer)


async def test_an_erased_account_keeps_no_hall(app: FastAPI, user: MakeUser) -> None:
    leaving, staying = user(), user()
    await kept(leaving)
    await kept(staying)
    await erase_account(
        app.state.database, leaving.id, offer_for=app.state.settings.offer_for, state=app.state
    )
    for someone, halls in ((leaving, 0), (staying, 1)):
        found = await rows(app, "SELECT id FROM hall_template WHERE owner_id = :id", id=someone.id)
        assert len(found) == halls
