"""Notifications over REST: mails that failed, for superusers."""

from uuid import UUID, uuid4

import httpx

from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message
from tests.notifications.people import SENDER, sign_in

BOSS = sign_in(is_superuser=True)
URL = "/notifications/failures"


async def fail(worker: WorkerForTests, server: MailServerForTests, user_id: UUID) -> str:
    message = make_message(user_id=user_id)
    server.answers("RCPT", "550 No such mailbox")
    await worker.receive(message)
    server.is_well()
    identity: str = message["id"]
    return identity


async def listed(client: httpx.AsyncClient, query: str = "") -> list[dict[str, object]]:
    answer = await client.get(f"{URL}{query}", headers=BOSS)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def test_superusers_read_what_failed_and_set_it_going_again(
    client: httpx.AsyncClient,
    mail_worker: WorkerForTests,
    mail_server: MailServerForTests,
    user_id: UUID,
) -> None:
    await mail_worker.receive(make_message(user_id=user_id))
    failed = await fail(mail_worker, mail_server, user_id)
    [item] = await listed(client)
    assert set(item) == {"id", "kind", "user_id", "error", "attempts", "at"}
    assert (item["id"], item["kind"], item["user_id"], item["attempts"]) == (
        failed, "booking-confirmed", str(user_id), 1
    )  # fmt: skip
    assert "550" in str(item["error"]) and str(item["at"]).endswith("Z")

    answer = await client.post(f"{URL}/{failed}/retry", headers=BOSS)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert await listed(client) == []
    sent_before = len(mail_worker.mails)
    await mail_worker.work_off()
    assert len(mail_worker.mails) == sent_before + 1
    again = await client.post(f"{URL}/{failed}/retry", headers=BOSS)
    assert (again.status_code, again.json()["status"]) == (202, "sent")
    await mail_worker.work_off()
    assert len(mail_worker.mails) == sent_before + 1


async def test_pages_are_complete_and_newest_first(
    client: httpx.AsyncClient,
    mail_worker: WorkerForTests,
    mail_server: MailServerForTests,
) -> None:
    failed = [await fail(mail_worker, mail_server, uuid4()) for _ in range(3)]
    first = (await client.get(f"{URL}?limit=2", headers=BOSS)).json()
    rest = await listed(client, f"?limit=2&cursor={first['next_cursor']}")
    assert [item["id"] for item in (*first["items"], *rest)] == failed[::-1]


async def test_a_message_without_a_recipient_is_shown_and_not_set_going(
    client: httpx.AsyncClient, mail_worker: WorkerForTests
) -> None:
    broken = make_message()
    del broken["user_id"]
    await mail_worker.receive(broken)
    [item] = await listed(client)
    assert (item["id"], item["user_id"]) == (broken["id"], None)
    refused = await client.post(f"{URL}/{broken['id']}/retry", headers=BOSS)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:problem:not-resendable")


async def test_nobody_else_reads_or_retries_failures(
    client: httpx.AsyncClient, user: dict[str, str]
) -> None:
    retry = f"{URL}/{uuid4()}/retry"
    assert (await client.get(URL)).status_code == (await client.post(retry)).status_code == 401
    for headers in (user, SENDER):
        assert (await client.get(URL, headers=headers)).status_code == 403
        assert (await client.post(retry, headers=headers)).status_code == 403
    assert (await client.post(retry, headers=BOSS)).status_code == 404
    assert (await client.post(f"{URL}/x/retry", headers=BOSS)).status_code == 422
