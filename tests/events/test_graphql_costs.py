"""What a query costs is known before anything is done, and its answer keeps nobody else waiting."""

from typing import Any

import httpx
import pytest

from event_service.settings import Settings
from tests.events.conftest import Json, Publish, sections
from tests.events.many_guests import others_waiting
from tests.events.test_graphql import ask, data, errors
from tests.events.test_graphql_limits import client_of, resolved

__all__ = ["resolved"]

HALL = {"kind": "assigned", "sections": sections(*(("Stalls", f"{n}", 50) for n in range(100)))}
MAP = (
    "seats { sections { name price rows { name columns seats { id number column kind state } } } }"
)
NOTHING = "00000000-0000-7000-8000-000000000000"


def maps(number: int, selected: str) -> str:
    return " ".join(f'a{n}: event(id: "{NOTHING}") {{ {selected} }}' for n in range(number))


TOO_MUCH: dict[str, tuple[str, Json]] = {
    "maps by aliases": (f"{{ {maps(6, MAP)} }}", {}),
    "maps of which little is shown": (f"{{ {maps(3, 'seats { __typename }')} }}", {}),
    "maps of one event": (
        f'{{ event(id: "{NOTHING}") {{ a: {MAP} b: {MAP} c: seats {{ sections {{ name }} }} }} }}', {},
    ),
    "maps of a list": (f"{{ events(first: 3) {{ items {{ {MAP} }} }} }}", {}),
    "maps of as many as is usual": ("{ events { items { seats { sections { name } } } } }", {}),
    "maps by a variable": (
        "query Q($n: Int) { events(first: $n) { items { seats { sections { name } } } } }", {"n": 100},
    ),
    "maps by a variable's default": (
        "query Q($n: Int = 50) { events(first: $n) { items { seats { sections { name } } } } }", {},
    ),
    "maps by fragments": (
        "{ ...a ...b } fragment a on Query { x: events(first: 2) { ...i } }"
        " fragment b on Query { y: events(first: 1) { ...i } }"
        " fragment i on EventPage { items { ... on Event { seats { sections { name } } } } }", {},
    ),
    "maps in spite of a directive": (
        "query Q($s: Boolean!) { events(first: 3) { items {"
        " seats @include(if: $s) { sections { name } } } } }", {"s": True},
    ),
    "maps of bookings": ("{ viewer { bookings { items { event { seats { sections { name } } } } } } }", {}),
    "long texts": ("{ events(first: 100) { items { a: description b: description } } }", {}),
    "long texts by aliases": (
        "{" + " ".join(f"a{n}: events {{ items {{ description }} }}" for n in range(12)) + "}", {},
    ),
    "seats under many names": (
        f'{{ event(id: "{NOTHING}") {{ seats {{ sections {{ rows {{ seats {{'
        + " ".join(f"a{n}: id" for n in range(12)) + " } } } } } }", {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_what_may_be_too_much_is_refused_before_anything_is_done(
    anybody: httpx.AsyncClient, resolved: list[str], name: str
) -> None:
    query, variables = TOO_MUCH[name]
    body = await ask(anybody, query, **variables)
    assert body["data"] is None
    assert errors(body) == [("query-too-large", 422)], body
    assert resolved == []


async def test_a_map_that_a_directive_leaves_out_costs_nothing(anybody: httpx.AsyncClient) -> None:
    query = """query Q($s: Boolean!) { events(first: 20) { items {
        id seats @include(if: $s) { sections { name } } map: seats @skip(if: true) { __typename }
    } } }"""
    await data(anybody, query, s=False)


@pytest.mark.alone
async def test_the_map_of_a_large_hall_is_that_of_rest_and_keeps_nobody_waiting(
    anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published(seating=HALL)
    query = f"query One($id: ID!) {{ event(id: $id) {{ title description {MAP} }} }}"
    await data(anybody, query, id=event["id"])
    async with others_waiting() as waited:
        found = await data(anybody, query, id=event["id"])
    assert found["event"]["seats"] == (await anybody.get(f"/events/{event['id']}/seats")).json()
    assert waited.loop < 0.1


async def test_what_is_rendered_beside_the_executor_is_what_was_asked_for(
    anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published(
        seating={"kind": "assigned", "sections": sections(("A", "1", 2), ("B", "x", 1))}
    )
    query = """
        query Q($id: ID!, $no: Boolean = false) { event(id: $id) {
            map: seats { __typename parts: sections { ...part kind: __typename } }
            seats { sections { name } sections { name rows { name @skip(if: true) ...row } } }
        } }
        fragment part on Section { title: name rows { seats { __typename n: number } } }
        fragment row on SeatRow { seats { ... on Seat { number } id @include(if: $no) ... { state } } }
    """
    found = (await data(anybody, query, id=event["id"]))["event"]

    def seats(*numbers: int) -> list[Json]:
        return [{"__typename": "Seat", "n": n} for n in numbers]

    def states(*numbers: int) -> list[Json]:
        return [{"number": n, "state": "free"} for n in numbers]

    assert found["map"] == {
        "__typename": "SeatMap",
        "parts": [
            {"title": "A", "kind": "Section", "rows": [{"seats": seats(1, 2)}]},
            {"title": "B", "kind": "Section", "rows": [{"seats": seats(1)}]},
        ],
    }
    assert found["seats"] == {
        "sections": [
            {"name": "A", "rows": [{"seats": states(1, 2)}]},
            {"name": "B", "rows": [{"seats": states(1)}]},
        ]
    }


async def test_seats_of_several_maps_count_together(settings: Settings, published: Publish) -> None:
    plan = {"kind": "assigned", "sections": sections(("A", "1", 4))}
    ids = [(await published(seating=plan))["id"] for _ in range(2)]
    query = " ".join(
        f'a{n}: event(id: "{one}") {{ seats {{ sections {{ rows {{ seats {{ id }} }} }} }} }}'
        for n, one in enumerate(ids)
    )
    for limit, refused in ((7, 1), (8, 0)):
        async with client_of(settings, graphql_max_seats=limit) as client:
            body: Any = await ask(client, f"{{ {query} }}")
            assert len(body.get("errors", [])) == refused, body


async def test_an_answer_has_so_many_bytes(settings: Settings, published: Publish) -> None:
    event = await published(description="🎻" * 2_000)
    names = " ".join(f"a{n}: description" for n in range(10))
    query = {"query": f'{{ event(id: "{event["id"]}") {{ {names} }} }}'}
    async with client_of(settings, graphql_max_answer_bytes=80_000) as client:
        answer = await client.post("/graphql", json=query)
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:problem:query-too-large"
    async with client_of(settings, graphql_max_answer_bytes=90_000) as client:
        assert (await client.post("/graphql", json=query)).status_code == 200
