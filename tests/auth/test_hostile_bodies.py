"""No body, however many values it holds, keeps the others at auth-service waiting."""

import httpx
import pytest

from tests.auth.people import API, People
from tests.hostile_bodies import faults_of, hostile_bodies

ROUTES = (
    ("POST", "/auth/register"), ("POST", "/auth/refresh"), ("POST", "/auth/verify"),
    ("POST", "/auth/reset-password"), ("PATCH", "/users/me"), ("DELETE", "/users/me"),
)  # fmt: skip


@pytest.mark.alone
@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("size", [1_048_576, 262_144])
async def test_no_body_keeps_others_waiting(
    client: httpx.AsyncClient, people: People, method: str, path: str, size: int
) -> None:
    headers = (await people.sign_in()).headers if "users" in path else {}
    assert await faults_of(client, method, API + path, hostile_bodies(size=size), headers) == []
