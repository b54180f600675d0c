"""A cursor that somebody made up is a mistake in every list of auth-service."""

import httpx
import pytest
from fastapi import FastAPI

from tests.auth.people import People, problem
from tests.cursors import ID, KNOWN, ask, forged, lists_of


async def test_a_forged_cursor_is_a_mistake_in_every_list(
    auth_app: FastAPI, client: httpx.AsyncClient, people: People
) -> None:
    admin = await people.superuser()
    lists = lists_of(auth_app.openapi())
    assert len(lists) >= 3
    for path in lists:
        path = path.replace("{user_id}", str(admin.id))
        for parts in KNOWN:
            answer = await ask(client, path, forged(parts), admin.headers)
            assert problem(answer) == (422, "invalid-request"), (path, parts)
        assert (await ask(client, path, forged([ID]), admin.headers)).status_code == 200


@pytest.mark.parametrize("cursor", ["", "=", "W10", "x" * 501, "\u00e9", "%00"])
async def test_what_is_no_cursor_at_all_is_a_mistake(
    client: httpx.AsyncClient, people: People, cursor: str
) -> None:
    admin = await people.superuser()
    answer = await ask(client, "/api/v1/users", cursor, admin.headers)
    assert problem(answer) == (422, "invalid-request")
