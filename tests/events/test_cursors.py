"""A cursor that somebody made up is a mistake in every list of event-service, in GraphQL too."""

from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings

from tests.cursors import CURSORS, ID, KNOWN, ask, forged, lists_of
from tests.events.conftest import Publish, User, problem

MakeUser = Callable[..., User]

SORTS = ["starts_at", "-starts_at", "-created_at"]


async def test_a_forged_cursor_is_a_mistake_in_every_list(
    app: FastAPI, organizer: User, user: MakeUser, published: Publish
) -> None:
    event = await published()
    headers, of_root = (dict(who.http.headers) for who in (organizer, user(superuser=True)))
    lists = lists_of(app.openapi())
    assert len(lists) >= 3
    for path in lists:
        path = path.replace("{event_id}", event["id"])
        sent = of_root if path.endswith("/all") else headers
        for parts in KNOWN:
            for sort in SORTS if path.endswith("/events") else [""]:
                answer = await ask(
                    organizer.http, path, forged(parts), sent, **({"sort": sort} if sort else {})
                )
                assert problem(answer) == (422, "invalid-request"), (path, parts, sort)
        for number in (2**31, -(2**31) - 1, 2**62, -(2**63)):
            answer = await ask(organizer.http, path, forged([number]), sent)
            assert answer.status_code in (200, 422), (path, number)
    # The control: one of the right parts is taken.
    good = ["starts_at", "2026-11-25T18:00:00Z", ID]
    for path, parts in (("/api/v1/events", good), ("/api/v1/bookings", [ID])):
        assert (await ask(organizer.http, path, forged(parts), headers)).status_code == 200


QUERIES = [
    "{ events(after: %s) { nextCursor } }",
    "{ viewer { bookings(after: %s) { nextCursor } } }",
]


@pytest.mark.parametrize("query", QUERIES)
async def test_a_forged_cursor_is_a_mistake_in_graphql(guest: User, query: str) -> None:
    for parts in KNOWN:
        answer = await guest.post("/graphql", {"query": query % f'"{forged(parts)}"'})
        [error] = answer.json()["errors"]
        assert error["extensions"]["code"] == "invalid-request", parts
        assert error["extensions"]["errors"][0]["field"] == "after"


@settings(max_examples=60)
@given(cursor=CURSORS)
async def test_no_cursor_is_a_crash(anybody: httpx.AsyncClient, cursor: str) -> None:
    answer = await anybody.get("/events", params={"cursor": cursor})
    assert answer.status_code in (200, 422), (cursor, answer.text)
