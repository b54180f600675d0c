"""No body, however many values it holds, keeps the others at notification-service waiting."""

import httpx
import pytest

from service_kit.ids import new_id
from tests.hostile_bodies import faults_of, hostile_bodies
from tests.notifications.people import SENDER

USER = ("PUT", "/notifications/preferences", "x")
SERVICES = (
    ("POST", "/notifications", "data"), ("POST", "/notifications/missing", "ids"),
)  # fmt: skip


@pytest.mark.alone
@pytest.mark.parametrize("size", [1_048_576, 262_144])
async def test_no_body_keeps_others_waiting(
    client: httpx.AsyncClient, user: dict[str, str], size: int
) -> None:
    for (method, path, field), headers in ((USER, user), *((one, SENDER) for one in SERVICES)):
        bodies = hostile_bodies(field, size)
        assert await faults_of(client, method, path, bodies, headers) == []


async def test_a_service_may_ask_for_as_many_as_ever(client: httpx.AsyncClient) -> None:
    ids = [str(new_id()) for _ in range(1_000)]
    answer = await client.post("/notifications/missing", json={"ids": ids}, headers=SENDER)
    assert answer.status_code == 200 and len(answer.json()["missing"]) == 1_000
