"""Notifications over REST: what somebody does not want to hear of."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.notifications.conftest import WorkerForTests
from tests.notifications.messages import make_message
from tests.notifications.people import sign_in


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
    "form",
    [
        {}, {"event_reminders": None}, {"event_reminders": 0},
        {"event_reminders": True, "confirmations": False},
    ],
)  # fmt: skip
async def test_confirmations_cannot_be_turned_off(
    client: httpx.AsyncClient, user: dict[str, str], form: dict[str, Any]
) -> None:
    assert (
        await client.put("/notifications/preferences", json=form, headers=user)
    ).status_code == 422


async def test_who_wants_no_reminders_gets_confirmations_only(
    client: httpx.AsyncClient, mail_worker: WorkerForTests, user: dict[str, str], user_id: UUID
) -> None:
    await client.put("/notifications/preferences", json={"event_reminders": False}, headers=user)
    reminder = make_message("event-reminder", user_id=user_id)
    confirmation = make_message(user_id=user_id)

    await mail_worker.receive(reminder)
    await mail_worker.receive(confirmation)

    assert [(await mail_worker.row(m)).status for m in (reminder, confirmation)] == [
        "dropped",
        "sent",
    ]


async def test_a_reminders_link_ends_reminders(
    client: httpx.AsyncClient, mail_worker: WorkerForTests, user: dict[str, str], user_id: UUID
) -> None:
    await mail_worker.receive(make_message("event-reminder", user_id=user_id))
    await mail_worker.receive(make_message("event-reminder", user_id=user_id))
    first, second = (mail.message["List-Unsubscribe"].strip() for mail in mail_worker.mails)
    assert first == second
    path = first.strip("<>").partition("/api/v1")[2]

    looked = await client.get(path)
    still = await client.get("/notifications/preferences", headers=user)
    clicked = await client.post(path, data={"List-Unsubscribe": "One-Click"})
    after = await client.get("/notifications/preferences", headers=user)

    token = path.rpartition("/")[2]
    assert looked.status_code == 303
    assert looked.headers["Location"] == f"https://parterre.example/unsubscribe#{token}"
    assert still.json() == {"event_reminders": True}
    assert (clicked.status_code, clicked.content) == (204, b"")
    assert after.json() == {"event_reminders": False}


@pytest.mark.parametrize(("token", "status"), [("x" * 32, 404), ("x", 422), ("%00" * 20, 422)])
async def test_a_made_up_link_ends_nothing(
    client: httpx.AsyncClient, token: str, status: int
) -> None:
    assert (await client.post(f"/notifications/unsubscribe/{token}")).status_code == status
