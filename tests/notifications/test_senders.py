"""Notifications over REST: what services ask."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from notification_service.delivery.consumer import erase_user
from service_kit.ids import new_id
from tests.notifications.conftest import WorkerForTests
from tests.notifications.messages import make_erasure, make_message
from tests.notifications.people import SENDER, as_service


async def test_a_service_requests_a_mail(
    client: httpx.AsyncClient, mail_worker: WorkerForTests, user_id: UUID
) -> None:
    wanted = {"kind": "reset-password", "user_id": str(user_id), "data": {}, "dedup_key": "reset:1"}

    answers = [await client.post("/notifications", json=wanted, headers=SENDER) for _ in range(2)]
    await mail_worker.work_off()

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert len(mail_worker.mails) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "surprise"}, {"kind": "booking-confirmed"}, {"user_id": "me"}, {"dedup_key": ""},
        {"dedup_key": "x" * 301}, {"data": []}, {"kind": "x" * 51}, {"dedup_key": "a\x00b"},
        {"version": True}, {"version": "1"}, {"data": {"note": "a\x00b"}},
    ],
)  # fmt: skip
async def test_a_wish_with_a_mistake_is_422(
    client: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    right = {"kind": "reset-password", "user_id": str(uuid4()), "data": {}, "dedup_key": "reset:1"}

    answer = await client.post("/notifications", json=right | wrong, headers=SENDER)

    assert answer.status_code == 422


async def test_missing_are_those_that_never_came(
    client: httpx.AsyncClient, mail_worker: WorkerForTests, sentry_errors: list[BaseException]
) -> None:
    sent, malformed = make_message(), make_message("surprise")
    alias = make_message(dedup_key=sent["dedup_key"])
    for message in (sent, malformed, alias):
        await mail_worker.receive(message)
    erasure = make_erasure(uuid4())
    await erase_user(mail_worker.context, erasure)
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
