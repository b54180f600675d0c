"""An account that is erased: what waits for it is dropped, and of the rest only the bare history stays."""

from uuid import UUID, uuid4

import httpx
import pytest

from notification_service.messages import service
from notification_service.messages.service import erase_user
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message
from tests.notifications.people import SENDER, as_service, sign_in

ERASER = as_service("users:erase")


async def erase(client: httpx.AsyncClient, user_id: UUID) -> httpx.Response:
    return await client.post(
        "/notifications/erasures", json={"user_id": str(user_id)}, headers=ERASER
    )


async def test_what_waits_is_dropped_and_the_rest_is_bare(
    mail_worker: WorkerForTests,
    client: httpx.AsyncClient,
    mail_server: MailServerForTests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "ERASED_PER_TRANSACTION", 2)
    user_id, other = uuid4(), make_message()
    sent = [make_message(user_id=user_id) for _ in range(3)]
    await mail_worker.receive(*sent)
    mail_server.answers("DATA", "451 Later")
    waiting = [make_message(user_id=user_id) for _ in range(3)]
    await mail_worker.receive(*waiting, other)
    preferences = {"event_reminders": False}
    headers = sign_in(user_id)
    await client.put("/notifications/preferences", json=preferences, headers=headers)
    mail_server.is_well()

    answers = [await erase(client, user_id) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    rows = [await mail_worker.row(message) for message in (*sent, *waiting)]
    assert [row.status for row in rows] == ["sent"] * 3 + ["dropped"] * 3
    assert all(row.data == {} for row in rows)
    assert rows[-1].timeline[-1]["note"] == "The account is gone."
    assert (await mail_worker.row(other)).data != {}
    assert await mail_worker.run("SELECT count(*) FROM preference") == [0]
    # Once is enough: what is erased is not written again.
    fences = [row.fence for row in rows]
    assert [(await mail_worker.row(m)).fence for m in (*sent, *waiting)] == fences


async def test_a_token_of_it_is_refused_at_once(client: httpx.AsyncClient) -> None:
    user_id = uuid4()
    headers = sign_in(user_id)
    before = await client.get("/notifications", headers=headers)

    await erase(client, user_id)

    after = await client.get("/notifications", headers=headers)
    assert (before.status_code, after.status_code) == (200, 401)


@pytest.mark.parametrize("headers", [{}, SENDER, sign_in(is_superuser=True)])
async def test_only_who_may_erase_erases(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post(
        "/notifications/erasures", json={"user_id": str(uuid4())}, headers=headers
    )
    assert answer.status_code in (401, 403)


@pytest.mark.parametrize("body", [{}, {"user_id": "x"}, {"user_id": None}, []])
async def test_what_names_nobody_is_422(client: httpx.AsyncClient, body: object) -> None:
    answer = await client.post("/notifications/erasures", json=body, headers=ERASER)
    assert answer.status_code == 422


async def test_erasing_goes_on_in_batches(
    mail_worker: WorkerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ERASED_PER_TRANSACTION", 1)
    user_id = uuid4()
    messages = [make_message(user_id=user_id) for _ in range(4)]
    await mail_worker.receive(*messages)

    await erase_user(mail_worker.database, user_id)

    assert [(await mail_worker.row(message)).data for message in messages] == [{}] * 4
