"""A cursor that somebody made up is a mistake in every list of notification-service."""

import httpx
from fastapi import FastAPI

from tests.cursors import ID, KNOWN, ask, forged, lists_of
from tests.notifications.people import sign_in


async def test_a_forged_cursor_is_a_mistake_in_every_list(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    headers = sign_in(is_superuser=True)
    lists = lists_of(app.openapi())
    assert lists
    for path in lists:
        for parts in KNOWN:
            answer = await ask(client, path, forged(parts), headers)
            assert answer.status_code == 422, (path, parts)
            assert answer.json()["type"] == "urn:problem:invalid-request"
        assert (await ask(client, path, forged([ID]), headers)).status_code == 200
