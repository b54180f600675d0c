"""Notifications over REST: one's own."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from service_kit.ids import new_id
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message


async def test_a_guest_reads_what_became_of_a_mail(
    client: httpx.AsyncClient, mail_worker: WorkerForTests, user: dict[str, str], user_id: UUID
) -> None:
    message = make_message(user_id=user_id)
    await mail_worker.receive(message)

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
    client: httpx.AsyncClient, mail_worker: WorkerForTests, user: dict[str, str], user_id: UUID
) -> None:
    messages = [make_message(user_id=user_id) for _ in range(5)]
    for message in messages:
        await mail_worker.receive(message)
    await mail_worker.receive(make_message())

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
    mail_worker: WorkerForTests,
    mail_server: MailServerForTests,
    user: dict[str, str],
    user_id: UUID,
) -> None:
    confirmed = make_message(user_id=user_id)
    booking_ids = [confirmed["data"]["booking_id"], str(new_id())]
    cancelled = make_message("event-cancelled", user_id=user_id, data={"booking_ids": booking_ids})
    await mail_worker.receive(confirmed)
    mail_server.answers("RCPT", "550 No")
    await mail_worker.receive(cancelled)

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
    client: httpx.AsyncClient,
    mail_worker: WorkerForTests,
    user: dict[str, str],
    method: str,
    path: str,
) -> None:
    message = make_message()
    await mail_worker.receive(message)

    others = await client.request(
        method, "/notifications" + path.format(message["id"]), headers=user
    )
    nobodys = await client.request(method, "/notifications" + path.format(uuid4()), headers=user)

    assert others.status_code == nobodys.status_code == 404
    assert {**others.json(), "request_id": ""} == {**nobodys.json(), "request_id": ""}
    assert (await mail_worker.row(message)).status == "sent"


async def test_a_mail_is_sent_again_under_another_message_id(
    client: httpx.AsyncClient, mail_worker: WorkerForTests, user: dict[str, str], user_id: UUID
) -> None:
    message = make_message(user_id=user_id)
    await mail_worker.receive(message)

    answer = await client.post(f"/notifications/{message['id']}/resend", headers=user)
    await mail_worker.work_off()

    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    first, copy = mail_worker.mails
    assert first.message_id != copy.message_id
    row = await mail_worker.row(message)
    assert (row.status, row.attempts, row.resends) == ("sent", 1, 1)


async def test_a_mail_that_is_under_way_is_not_sent_twice(
    client: httpx.AsyncClient,
    mail_worker: WorkerForTests,
    mail_server: MailServerForTests,
    user: dict[str, str],
    user_id: UUID,
) -> None:
    message = make_message(user_id=user_id)
    mail_server.answers("DATA", "451 Later")
    await mail_worker.receive(message)

    answer = await client.post(f"/notifications/{message['id']}/resend", headers=user)

    assert (answer.status_code, answer.json()["attempts"]) == (202, 1)
    assert await mail_worker.sweep() == []


async def test_an_overtaken_mail_is_not_sent_again(
    client: httpx.AsyncClient, mail_worker: WorkerForTests, user: dict[str, str], user_id: UUID
) -> None:
    message = make_message("verify-email", user_id=user_id)
    await mail_worker.receive(message)

    answer = await client.post(f"/notifications/{message['id']}/resend", headers=user)

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:problem:not-resendable")


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
    assert len(operations) == 16
    for operation in operations:
        assert operation["summary"]
        assert operation["operationId"].replace("_", "").isalpha()
        assert "429" in operation["responses"]
    schemas = document["components"]["schemas"]
    ours = [
        name for name in schemas if name.startswith(("Notification", "Preview", "Mess", "Erasure"))
    ]
    assert all("examples" in schemas[name] for name in ours if name != "NotificationQuery")
