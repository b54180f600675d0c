"""Everything that notification-service knows of a person, for that person to download."""

from uuid import UUID

import httpx

from tests.notifications.conftest import WorkerForTests
from tests.notifications.messages import make_message

URL = "/notifications/me/data"


async def test_a_person_downloads_mails_and_preferences(
    client: httpx.AsyncClient, mail_worker: WorkerForTests, user: dict[str, str], user_id: UUID
) -> None:
    mine = [make_message(user_id=user_id) for _ in range(2)]
    for message in (*mine, make_message()):
        await mail_worker.receive(message)
    await client.put("/notifications/preferences", json={"event_reminders": False}, headers=user)
    answer = await client.get(URL, headers=user)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == 'attachment; filename="notifications.json"'
    body = answer.json()
    assert set(body) == {"preferences", "notifications"}
    assert body["preferences"] == {"event_reminders": False}
    listed = (await client.get("/notifications", headers=user)).json()["items"]
    assert body["notifications"] == listed
    assert [item["id"] for item in listed] == [message["id"] for message in mine[::-1]]
    assert (await client.get(URL)).status_code == 401
