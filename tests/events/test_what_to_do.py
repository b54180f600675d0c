"""A refusal says to people what to do next, and where."""

import httpx
import pytest

from tests.event_bodies import event_body
from tests.events.conftest import Publish, User, messages, problem
from tests.events.waitlist import MakeUser

BROKEN = {
    '{"event_id": }': "The body is not JSON: expecting value at character 14.",
    '{"a": 1': "The body is not JSON: expecting ',' delimiter at character 8.",
    '{"a": "x': "The body is not JSON: unterminated string starting at character 7.",
    "{'a': 1}": "The body is not JSON: expecting property name enclosed in double quotes at"
    " character 2.",
    '{"a": 1} x': "The body is not JSON: extra data at character 10.",
}


@pytest.mark.parametrize("body", BROKEN)
async def test_a_body_that_is_not_json_says_where(guest: User, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    for path in ("/events", "/bookings"):
        answer = await guest.http.post(path, content=body, headers=headers)
        assert problem(answer) == (422, "invalid-request")
        assert answer.json()["errors"] == [{"field": "body", "message": BROKEN[body]}]
        assert answer.json()["detail"] == f"body: {BROKEN[body]}"
    answer = await guest.http.post("/graphql", content=body, headers=headers)
    assert problem(answer) == (422, "invalid-request")
    [error] = answer.json()["errors"]
    assert error["field"] == "body"
    assert error["message"].startswith("The body is not JSON: ")
    assert " at character " in error["message"]


async def test_what_is_no_text_at_all_says_what_to_send(guest: User) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await guest.http.post("/bookings", content=b'{"a": "\xff"}', headers=headers)
    assert problem(answer) == (422, "invalid-request")
    assert "UTF-8" in answer.json()["detail"]


async def test_the_detail_names_the_first_mistake(guest: User) -> None:
    answer = await guest.post("/events", event_body(city="", timezone="Moon"))
    assert problem(answer) == (422, "invalid-request")
    errors = answer.json()["errors"]
    assert {error["field"] for error in errors} == {"city", "timezone"}
    first = f"{errors[0]['field']}: {errors[0]['message']}"
    assert answer.json()["detail"] == f"{first} (1 more mistake is in errors.)"
    answer = await guest.http.get("/events?limit=0")
    assert answer.json()["detail"].startswith("limit: ")
    assert answer.json()["title"] == "The request has a mistake."
    answer = await guest.post("/bookings", {"x" * 5_000: 1})
    assert len(answer.json()["detail"]) < 500


async def test_a_code_of_no_ticket_is_said_to_people_at_the_door(
    organizer: User, guest: User, published: Publish
) -> None:
    event, other = await published(), await published()
    foreign = (await guest.book(other)).json()["seats"][0]["ticket_code"]
    url = f"/events/{event['id']}/check-ins"
    for answer in (
        await organizer.post(url, {"ticket_code": "NOSUCHCODE"}),
        await organizer.post(url, {"ticket_code": foreign}),
        await organizer.delete(f"{url}/NOSUCHCODE"),
    ):
        assert problem(answer) == (404, "not-found")
        assert answer.json()["title"] == "No ticket of this event has that code."
        assert "Compare the code" in answer.json()["detail"]
    # Who may not see the event hears of no ticket.
    answer = await organizer.post(f"/events/{foreign[:8]}/check-ins", {"ticket_code": foreign})
    assert "ticket" not in answer.json()["title"]
    strangers = await organizer.get("/bookings/0198c0de-0000-7000-8000-000000000000")
    assert strangers.json()["title"] == "There is nothing here that you may see."


async def test_who_has_not_confirmed_an_address_hears_how(
    user: MakeUser, monkeypatch: pytest.MonkeyPatch, anybody: httpx.AsyncClient
) -> None:
    newcomer = user(email_verified=False)
    event = (await newcomer.post("/events", event_body())).json()

    async def not_yet(*_: object, **__: object) -> httpx.Response:
        return httpx.Response(200, json={"is_verified": False})

    client = newcomer.http._transport.app.state.service_client  # type: ignore[attr-defined]
    monkeypatch.setattr(client, "request", not_yet)
    answer = await newcomer.post(f"/events/{event['id']}/publish")
    assert problem(answer) == (403, "email-not-verified")
    assert "/api/v1/auth/request-verify-token" in answer.json()["detail"]
    assert "again" in answer.json()["detail"]


async def test_a_reason_may_have_paragraphs(
    organizer: User, guest: User, published: Publish
) -> None:
    event = await published()
    assert (await guest.book(event)).status_code == 201
    reason = "The soprano is ill.\n\nYou get your money back:\n- at the box office"
    url = f"/events/{event['id']}/cancel"
    for bad in ("", " \n ", "x" * 501, "a\x00b", 7):
        assert problem(await organizer.post(url, {"reason": bad})) == (422, "invalid-request")
    sent = await organizer.post(url, {"reason": reason.replace("\n", "\r\n") + "\n"})
    assert sent.status_code == 200, sent.text
    app = organizer.http._transport.app  # type: ignore[attr-defined]
    [told] = await messages(app, event["id"], "event-cancelled")
    assert told["data"]["reason"] == reason
