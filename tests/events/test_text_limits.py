"""No string that anybody may send holds event-service up: each has a limit that is checked first."""

import json
import time
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

from service_kit.ids import new_id
from service_kit.web.tokens import SERVICE_AUDIENCE
from tests.event_bodies import event_body
from tests.events.conftest import Publish, User, problem, sign
from tests.text_limits import SECONDS, hostile_texts, inputs_of, try_all, unbounded_inputs

SCOPES = "users:erase events:organizers"


def test_every_string_that_may_be_sent_has_a_limit(app: FastAPI) -> None:
    assert len(inputs_of(app.openapi())) > 50
    assert unbounded_inputs(app.openapi()) == []


@pytest.mark.alone
async def test_no_string_takes_long(app: FastAPI, anybody: httpx.AsyncClient) -> None:
    person = sign(new_id(), superuser=True)
    service = sign(new_id(), aud=SERVICE_AUDIENCE, scope=SCOPES)
    callers = [{"Authorization": f"Bearer {token}"} for token in (person, service)]
    sent, faults = await try_all(anybody, app.openapi(), callers)
    assert sent > 2 * len(inputs_of(app.openapi()))
    assert faults == []


QUERIES: dict[str, Callable[[str], object]] = {
    "variable": lambda text: {
        "query": "query Q($q: String) { events(q: $q) { nextCursor } }",
        "variables": {"q": text},
    },
    "inline": lambda text: {"query": f"{{ events(q: {json.dumps(text)}) {{ nextCursor }} }}"},
    "inline, as it is": lambda text: {"query": f'{{ events(q: "{text}") {{ nextCursor }} }}'},
    "block": lambda text: {"query": f'{{ events(q: """{text}""") {{ nextCursor }} }}'},
    "cursor": lambda text: {"query": f'{{ events(after: "{text}") {{ nextCursor }} }}'},
    "time": lambda text: {"query": f'{{ events(startsFrom: "{text}") {{ nextCursor }} }}'},
    "id": lambda text: {"query": f'{{ event(id: "{text}") {{ title }} }}'},
    "operation": lambda text: {"query": "query Q { __typename }", "operationName": text},
    "unused variable": lambda text: {"query": "{ __typename }", "variables": {"x": [{text: text}]}},
}


@pytest.mark.alone
@pytest.mark.parametrize("place", QUERIES)
async def test_no_string_of_a_query_takes_long(anybody: httpx.AsyncClient, place: str) -> None:
    for name, text in hostile_texts().items():
        started = time.process_time()
        answer = await anybody.post("/graphql", json=QUERIES[place](text))
        seconds = time.process_time() - started
        assert seconds < SECONDS, (name, seconds)
        assert answer.status_code in (200, 413, 422), answer.text
        if name == "2,000 marks":
            codes = [
                e["extensions"]["code"]
                for e in answer.json().get("errors", ())
                if "extensions" in e
            ]
            refused = codes in (["invalid-request"], ["query-too-large"])
            assert answer.status_code == 422 or refused, answer.text


async def test_a_title_that_nobody_can_see_is_no_title(organizer: User) -> None:
    for title in ("\u200b\u200d", "\u3164", "\u2800\ufe0f", "\u00ad \u2060", "\u115f\u1160"):
        refused = await organizer.post("/events", event_body(title=title))
        assert problem(refused) == (422, "invalid-request"), ascii(title)
        assert refused.json()["errors"][0]["field"] == "title"


async def test_what_grows_by_normalising_still_fits(organizer: User) -> None:
    refused = await organizer.post("/events", event_body(title="\U0001d160" * 200))
    assert problem(refused) == (422, "invalid-request")


async def test_thirty_marks_are_text_and_one_more_is_a_mistake(
    published: Publish, user: Callable[..., User]
) -> None:
    event = await published(capacity=1, title="Z" + "\u0301\u0327" * 15 + "algo")
    assert event["title"].endswith("algo")
    refused = await user().post("/events", event_body(title="Z" + "\u0301" * 31))
    assert problem(refused) == (422, "invalid-request")
