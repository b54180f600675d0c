"""Notifications over REST: one's own, and what services ask."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from notification_service.delivery.reception import erase_user
from notification_service.messages.contents import KINDS
from notification_service.rendering.samples import sample_data
from service_kit.ids import new_id
from tests.notifications.conftest import OfficeForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_erasure, make_message
from tests.notifications.people import as_service, sign_in

SENDER = as_service("notifications:send")


@pytest.fixture
def user_id() -> UUID:
    return uuid4()


@pytest.fixture
def user(user_id: UUID) -> dict[str, str]:
    return sign_in(user_id)


async def test_a_guest_reads_what_became_of_a_mail(
    client: httpx.AsyncClient, office: OfficeForTests, user: dict[str, str], user_id: UUID
) -> None:
    message = make_message(user_id=user_id)
    await office.receive(message)

    shown = (await client.get(f"/notifications/{message['id']}", headers=user)).json()

    timeline = shown.pop("timeline")
    assert shown.pop("created_at").endswith("Z")
    assert shown.pop("sent_at").endswith("Z")
    assert shown == {
        "id": message["id"],
        "kind": "booking-confirmed",
        "status": "sent",
        "attempts": 1,
        "last_error": None,
        "booking_id": message["data"]["booking_id"],
        "event_id": message["data"]["event_id"],
    }
    assert [step["status"] for step in timeline] == ["queued", "sending", "sent"]
    assert all(step["at"].endswith("Z") and step["note"] is None for step in timeline)


async def test_pages_are_complete_and_without_repeats(
    client: httpx.AsyncClient, office: OfficeForTests, user: dict[str, str], user_id: UUID
) -> None:
    messages = [make_message(user_id=user_id) for _ in range(5)]
    for message in messages:
        await office.receive(message)
    await office.receive(make_message())

    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/notifications", params=params, headers=user)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == [message["id"] for message in reversed(messages)]


async def test_the_list_is_filtered(
    client: httpx.AsyncClient,
    office: OfficeForTests,
    mail_server: MailServerForTests,
    user: dict[str, str],
    user_id: UUID,
) -> None:
    confirmed = make_message(user_id=user_id)
    booking_ids = [confirmed["data"]["booking_id"], str(new_id())]
    cancelled = make_message("event-cancelled", user_id=user_id, data={"booking_ids": booking_ids})
    await office.receive(confirmed)
    mail_server.answers("RCPT", "550 No")
    await office.receive(cancelled)

    async def ids(**params: str) -> list[str]:
        answer = await client.get("/notifications", params=params, headers=user)
        return [item["id"] for item in answer.json()["items"]]

    assert await ids(status="failed") == [cancelled["id"]]
    assert await ids(status="sent") == [confirmed["id"]]
    assert await ids(booking_id=booking_ids[0]) == [cancelled["id"], confirmed["id"]]
    assert await ids(booking_id=booking_ids[1]) == [cancelled["id"]]
    assert await ids(booking_id=str(uuid4())) == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=1000000000", "cursor=forged", "cursor=WzFd", "status=lost",
     "booking_id=1", "cursor=%00"],
)  # fmt: skip
async def test_a_query_with_a_mistake_is_422(
    client: httpx.AsyncClient, user: dict[str, str], query: str
) -> None:
    answer = await client.get(f"/notifications?{query}", headers=user)

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:problem:invalid-request")


@pytest.mark.parametrize(("method", "path"), [("GET", "/{}"), ("POST", "/{}/resend")])
async def test_anothers_mail_is_not_found(
    client: httpx.AsyncClient, office: OfficeForTests, user: dict[str, str], method: str, path: str
) -> None:
    message = make_message()
    await office.receive(message)

    others = await client.request(
        method, "/notifications" + path.format(message["id"]), headers=user
    )
    nobodys = await client.request(method, "/notifications" + path.format(uuid4()), headers=user)

    assert others.status_code == nobodys.status_code == 404
    assert {**others.json(), "request_id": ""} == {**nobodys.json(), "request_id": ""}
    assert (await office.row(message)).status == "sent"


async def test_a_mail_is_sent_again_under_another_message_id(
    client: httpx.AsyncClient, office: OfficeForTests, user: dict[str, str], user_id: UUID
) -> None:
    message = make_message(user_id=user_id)
    await office.receive(message)

    answer = await client.post(f"/notifications/{message['id']}/resend", headers=user)
    await office.work_off()

    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    first, copy = office.mails
    assert first.message_id != copy.message_id
    row = await office.row(message)
    assert (row.status, row.attempts, row.resends) == ("sent", 1, 1)


async def test_a_mail_that_is_under_way_is_not_sent_twice(
    client: httpx.AsyncClient,
    office: OfficeForTests,
    mail_server: MailServerForTests,
    user: dict[str, str],
    user_id: UUID,
) -> None:
    message = make_message(user_id=user_id)
    mail_server.answers("DATA", "451 Later")
    await office.receive(message)

    answer = await client.post(f"/notifications/{message['id']}/resend", headers=user)

    assert (answer.status_code, answer.json()["attempts"]) == (202, 1)
    assert await office.sweep() == []


async def test_an_overtaken_mail_is_not_sent_again(
    client: httpx.AsyncClient, office: OfficeForTests, user: dict[str, str], user_id: UUID
) -> None:
    message = make_message("verify-email", user_id=user_id)
    await office.receive(message)

    answer = await client.post(f"/notifications/{message['id']}/resend", headers=user)

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:problem:not-resendable")


async def test_a_service_has_somebody_told(
    client: httpx.AsyncClient, office: OfficeForTests, user_id: UUID
) -> None:
    wanted = {"kind": "reset-password", "user_id": str(user_id), "data": {}, "dedup_key": "reset:1"}

    answers = [await client.post("/notifications", json=wanted, headers=SENDER) for _ in range(2)]
    await office.work_off()

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert len(office.mails) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "surprise"}, {"kind": "booking-confirmed"}, {"user_id": "me"}, {"dedup_key": ""},
        {"dedup_key": "x" * 301}, {"data": []}, {"kind": "x" * 51}, {"dedup_key": "a\x00b"},
    ],
)  # fmt: skip
async def test_a_wish_with_a_mistake_is_422(
    client: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    right = {"kind": "reset-password", "user_id": str(uuid4()), "data": {}, "dedup_key": "reset:1"}

    answer = await client.post("/notifications", json=right | wrong, headers=SENDER)

    assert answer.status_code == 422


async def test_missing_are_those_that_never_came(
    client: httpx.AsyncClient, office: OfficeForTests, told: list[BaseException]
) -> None:
    sent, malformed = make_message(), make_message("surprise")
    alias = make_message(dedup_key=sent["dedup_key"])
    for message in (sent, malformed, alias):
        await office.receive(message)
    erasure = make_erasure(uuid4())
    await erase_user(office.office, erasure)
    never = str(new_id())

    ids = [message["id"] for message in (sent, malformed, alias, erasure)] + [never]
    answer = await client.post("/notifications/missing", json={"ids": ids}, headers=SENDER)

    assert answer.json() == {"missing": [never]}
    assert (
        await client.post("/notifications/missing", json={"ids": []}, headers=SENDER)
    ).json() == {"missing": []}


@pytest.mark.parametrize("ids", [["x"], [str(uuid4())] * 1001, None])
async def test_missing_takes_at_most_a_thousand_ids(client: httpx.AsyncClient, ids: object) -> None:
    assert (
        await client.post("/notifications/missing", json={"ids": ids}, headers=SENDER)
    ).status_code == 422


@pytest.mark.parametrize("path", ["", "/missing", "/preview"])
async def test_only_services_with_the_scope_may_send(
    client: httpx.AsyncClient, user: dict[str, str], path: str
) -> None:
    statuses = [
        (await client.post(f"/notifications{path}", json={}, headers=headers)).status_code
        for headers in ({}, user, as_service("users:contact"), SENDER)
    ]

    assert statuses == [401, 403, 403, 422]


async def test_preferences_are_on_until_turned_off(
    client: httpx.AsyncClient, user: dict[str, str]
) -> None:
    before = await client.get("/notifications/preferences", headers=user)
    put = await client.put(
        "/notifications/preferences", json={"event_reminders": False}, headers=user
    )
    after = await client.get("/notifications/preferences", headers=user)

    assert before.json() == {"event_reminders": True}
    assert put.json() == after.json() == {"event_reminders": False}
    stranger = await client.get("/notifications/preferences", headers=sign_in())
    assert stranger.json() == {"event_reminders": True}


@pytest.mark.parametrize(
    "form", [{}, {"event_reminders": None}, {"event_reminders": True, "confirmations": False}]
)
async def test_confirmations_cannot_be_turned_off(
    client: httpx.AsyncClient, user: dict[str, str], form: dict[str, Any]
) -> None:
    assert (
        await client.put("/notifications/preferences", json=form, headers=user)
    ).status_code == 422


async def test_who_wants_no_reminders_gets_confirmations_only(
    client: httpx.AsyncClient, office: OfficeForTests, user: dict[str, str], user_id: UUID
) -> None:
    await client.put("/notifications/preferences", json={"event_reminders": False}, headers=user)
    reminder = make_message("event-reminder", user_id=user_id)
    confirmation = make_message(user_id=user_id)

    await office.receive(reminder)
    await office.receive(confirmation)

    assert [(await office.row(m)).status for m in (reminder, confirmation)] == ["dropped", "sent"]


async def test_a_reminders_link_ends_reminders(
    client: httpx.AsyncClient, office: OfficeForTests, user: dict[str, str], user_id: UUID
) -> None:
    await office.receive(make_message("event-reminder", user_id=user_id))
    await office.receive(make_message("event-reminder", user_id=user_id))
    first, second = (mail.message["List-Unsubscribe"].strip() for mail in office.mails)
    assert first == second
    path = first.strip("<>").partition("/api/v1")[2]

    looked = await client.get(path)
    still = await client.get("/notifications/preferences", headers=user)
    clicked = await client.post(path, data={"List-Unsubscribe": "One-Click"})
    after = await client.get("/notifications/preferences", headers=user)

    token = path.rpartition("/")[2]
    assert looked.status_code == 303
    assert looked.headers["Location"] == f"https://parterre.example/#/unsubscribe?token={token}"
    assert still.json() == {"event_reminders": True}
    assert (clicked.status_code, clicked.content) == (204, b"")
    assert after.json() == {"event_reminders": False}


@pytest.mark.parametrize(("token", "status"), [("x" * 32, 404), ("x", 422), ("%00" * 20, 422)])
async def test_a_made_up_link_ends_nothing(
    client: httpx.AsyncClient, token: str, status: int
) -> None:
    assert (await client.post(f"/notifications/unsubscribe/{token}")).status_code == status


@pytest.mark.parametrize("kind", KINDS)
async def test_superusers_look_at_every_mail(client: httpx.AsyncClient, kind: str) -> None:
    boss = sign_in(is_superuser=True)

    shown = (
        await client.get(f"/notifications/templates/{kind}/preview?locale=ru", headers=boss)
    ).json()
    page = await client.get(f"/notifications/templates/{kind}/preview?part=html", headers=boss)
    text = await client.get(f"/notifications/templates/{kind}/preview?part=text", headers=boss)

    assert shown["subject"]
    assert "Здравствуйте" in shown["text"]
    assert page.headers["content-type"].startswith("text/html")
    assert "sandbox" in page.headers["content-security-policy"]
    assert "cid:" not in page.text
    assert "Hello" in text.text


async def test_nobody_else_looks_at_templates(
    client: httpx.AsyncClient, user: dict[str, str]
) -> None:
    path = "/notifications/templates/verify-email/preview"

    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=user)).status_code == 403
    boss = sign_in(is_superuser=True)
    assert (
        await client.get("/notifications/templates/surprise/preview", headers=boss)
    ).status_code == 404


async def test_a_service_previews_a_message(client: httpx.AsyncClient) -> None:
    data = sample_data("organizer-message") | {
        "subject": "Hello <b>",
        "body": "One\n\nTwo <script>",
    }
    wanted = {"kind": "organizer-message", "data": data, "locale": "en"}

    shown = (await client.post("/notifications/preview", json=wanted, headers=SENDER)).json()

    assert shown["subject"] == "Hello <b>"
    assert "Two &lt;script&gt;" in shown["html"]


@pytest.fixture
def limited_app(app: FastAPI) -> Iterator[FastAPI]:
    app.state.rate_limits.limiter.enabled = True
    yield app
    app.state.rate_limits.limiter.enabled = False


async def test_resending_is_limited_whatever_the_id(
    client: httpx.AsyncClient, limited_app: FastAPI, user: dict[str, str]
) -> None:
    statuses = [
        (await client.post(f"/notifications/{uuid4()}/resend", headers=user)).status_code
        for _ in range(6)
    ]

    assert statuses == [404] * 5 + [429]


async def test_the_published_form_is_complete(app: FastAPI) -> None:
    document = app.openapi()

    operations = [o for path in document["paths"].values() for o in path.values()]
    assert len(operations) == 11
    for operation in operations:
        assert operation["summary"]
        assert operation["operationId"].replace("_", "").isalpha()
        assert "429" in operation["responses"]
    schemas = document["components"]["schemas"]
    ours = [name for name in schemas if name.startswith(("Notification", "Preview", "Mess"))]
    assert all("examples" in schemas[name] for name in ours if name != "NotificationQuery")
