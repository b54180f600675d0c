"""Finding events by words: beginnings, accents, typos, and the best matches first."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from event_service.events import search
from event_service.events.search import MAX_WORDS, WORST_RANK, is_one_typo_from
from tests.event_bodies import event_body
from tests.events.conftest import Publish, User, problem
from tests.events.test_list import at, ids

TITLES = {
    "jazz": dict(title="Jazz in the Courtyard", description="A trio under the trees."),
    "orchard": dict(title="The Cherry Orchard", description="Chekhov’s last play."),
    "soiree": dict(title="Soirée d’été", venue="L'Opéra", city="Zürich"),
    "nutcracker": dict(title="Балет «Щёлкунчик»", venue="Большой зал", city="Санкт-Петербург"),
    "violin": dict(title="Chamber music", description="Two violinists; концерты для скрипки."),
    "oneil": dict(title="An evening with Shaquille O’Neil", category="Talk"),
    "other": dict(title="Pottery 2026", description="A bowl of your own."),
}  # fmt: skip


@pytest.fixture
async def events(published: Publish) -> AsyncIterator[dict[str, str]]:
    """Names by event id; the last named begin first."""
    made = {}
    for number, (name, fields) in enumerate(reversed(TITLES.items())):
        made[(await published(**{"category": "", **fields, **at(number)}))["id"]] = name
    yield made


@pytest.mark.parametrize(
    ("q", "names"),
    [
        # Beginnings, in any case
        ("jaz", ["jazz"]),
        ("COURTY", ["jazz"]),
        ("cherry orch", ["orchard"]),
        # Accents, in the question, in the event, in both
        ("soiree", ["soiree"]),
        ("soirée", ["soiree"]),
        ("zurich opera", ["soiree"]),
        ("щелк", ["nutcracker"]),
        ("щёлк", ["nutcracker"]),
        ("ЩЕЛКУНЧИК", ["nutcracker"]),
        ("orchárd", ["orchard"]),
        # One letter missing, too many, another, or two exchanged
        ("orchrd", ["orchard"]),
        ("orrchard", ["orchard"]),
        ("orcherd", ["orchard"]),
        ("ochrard", []),
        ("orhcard", ["orchard"]),
        ("xrchard", ["orchard"]),
        ("щелкунчк", ["nutcracker"]),
        ("петербрг", ["nutcracker"]),
        ("soirre", ["soiree"]),
        # Two letters, or a word of four
        ("orhrd", []),
        ("jezz", []),
        ("bowk", []),
        # Numbers are what they are
        ("2027", []),
        ("20266", []),
        # Stems, also of what is mistyped
        ("violinist", ["violin"]),
        ("violnists", ["violin"]),
        ("концертов", ["violin"]),
        ("концртов", ["violin"]),
        # Every word, wherever
        ("chekhov orchard", ["orchard"]),
        ("chekhov jazz", []),
        ("the cherry orchard", ["orchard"]),
        ("the", ["jazz", "orchard"]),
        # Signs inside of words
        ("o'neil", ["oneil"]),
        ("ONEIL", ["oneil"]),
        ("shaquille o’neil", ["oneil"]),
        # Without a word
        ("violin -концерт", []),
        ("music -jazz", ["violin"]),
    ],
)  # fmt: skip
async def test_words_are_found(
    events: dict[str, str],
    organizer: User,
    anybody: httpx.AsyncClient,
    q: str,
    names: list[str],
) -> None:
    listed = await ids(anybody, organizer=str(organizer.id), q=q)
    assert sorted(events[event_id] for event_id in listed) == sorted(names)
    for sort in ("starts_at", "-created_at"):
        assert sorted(await ids(anybody, organizer=str(organizer.id), q=q, sort=sort)) == sorted(
            listed
        )


@pytest.mark.parametrize(
    "q",
    ["%", "_", "%jaz%", "jaz_", "\\", "'", "''", "jazz' | 'x", "& | ! ( ) :* <->", "jazz:*", "!jazz",
     "jazz & !jazz", "<->", "((((", "'jazz':A", "'; DROP TABLE event; --", "-", "--", "- -", "\\x00",
     "a" * 200, "щ" * 200, "👩‍👩‍👧 ☂", "ﬀ ½ ß"],
)  # fmt: skip
async def test_signs_of_the_database_mean_nothing(
    events: dict[str, str], organizer: User, anybody: httpx.AsyncClient, q: str
) -> None:
    answer = await anybody.get("/events", params={"organizer": str(organizer.id), "q": q})
    assert answer.status_code == 200, answer.text
    found = {events[event["id"]] for event in answer.json()["items"]}
    assert found <= ({"jazz"} if "jaz" in q else set())


async def test_too_much_is_refused(anybody: httpx.AsyncClient) -> None:
    many = " ".join(f"w{n}" for n in range(MAX_WORDS + 1))
    for q in (many, many.replace(" ", "."), "a" * 201):
        assert problem(await anybody.get("/events", params={"q": q})) == (422, "invalid-request")


RANKED = [
    dict(title="Horse", description=""),
    dict(title="Horses of the steppe", description=""),
    dict(title="Horseshoe forging", description=""),
    dict(title="A", venue="Horse inn"),
    dict(title="B", description="On the back of a horse."),
    dict(title="C", description="Horseback."),
    dict(title="House music", description=""),
    dict(title="D", description="At my house."),
]  # fmt: skip


async def test_the_best_matches_come_first_and_pages_hold_everything_once(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    """The worse, the earlier, and two of each."""
    made = []
    for number, fields in enumerate(RANKED):
        for again in (0, 1):
            body = {"venue": "Hall", **fields, **at(100 - 10 * number + again)}
            made.append((await published(**body))["id"])
    # A whole word and its stem are as good as one another.
    best = [made[2], made[3], made[0], made[1]]
    by = {"organizer": str(organizer.id), "q": "horse"}

    assert await ids(anybody, **by) == best + made[4:]
    assert await ids(anybody, **by, sort="relevance") == best + made[4:]
    for limit in (1, 3, 7):
        assert await ids(anybody, **by, limit=limit) == best + made[4:]
    by_date = await ids(anybody, **by, sort="starts_at", limit=3)
    assert by_date == [
        one for pair in reversed(list(zip(made[::2], made[1::2], strict=True))) for one in pair
    ]
    assert await ids(anybody, organizer=str(organizer.id), sort="relevance", limit=5) == by_date


async def test_a_row_added_meanwhile_neither_repeats_nor_hides_another(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    made = [(await published(title="Lute night", **at(day)))["id"] for day in range(5)]
    by = {"organizer": str(organizer.id), "q": "lute", "limit": "2"}
    first = (await anybody.get("/events", params=by)).json()
    await published(title="Lute night", **at(-1))
    rest = await ids(anybody, **by, cursor=first["next_cursor"])
    assert [event["id"] for event in first["items"]] + rest == made


@pytest.mark.parametrize("common", [0, 1, 2, 5])
async def test_what_is_common_comes_in_the_same_order(
    organizer: User,
    anybody: httpx.AsyncClient,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
    common: int,
) -> None:
    """It is found by another way, and what is not in order any more is left out at the end."""
    monkeypatch.setattr(search, "COMMON", common)
    by = {"organizer": str(organizer.id), "q": "sackbut"}
    days = (3, 1, 2)
    titled = [(await published(title="Sackbut", **at(day)))["id"] for day in days]
    told = [(await published(description="Sackbut", **at(day)))["id"] for day in days]
    near = [(await published(title="Sackbat", **at(day)))["id"] for day in days]
    best = [ids_[n] for ids_ in (titled, told, near) for n in (1, 2, 0)]
    assert await ids(anybody, **by, limit=2) == best
    assert sorted(await ids(anybody, **by, sort="starts_at", limit=2)) == sorted(best)
    monkeypatch.setattr(search, "CANDIDATES", 1)
    found = await ids(anybody, **by, limit=1)
    assert found[0] == titled[1]


async def test_what_changes_is_found_by_its_new_words(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    event = await published(title="Theremin evening", **at(0))
    by = {"organizer": str(organizer.id)}
    assert await ids(anybody, **by, q="theremn") == [event["id"]]
    answer = await organizer.patch(f"/events/{event['id']}", {"title": "Hurdygurdy evening"})
    assert answer.status_code == 200
    assert await ids(anybody, **by, q="theremin") == []
    assert await ids(anybody, **by, q="hurdygrdy") == [event["id"]]


async def test_ones_own_drafts_are_found_too(organizer: User) -> None:
    draft = (await organizer.post("/events", event_body(title="Kantele"))).json()
    answer = await organizer.get("/events?organizer=me&q=kant")
    assert [event["id"] for event in answer.json()["items"]] == [draft["id"]]


@pytest.mark.parametrize("name", ["city", "category"])
async def test_places_and_categories_forgive_case_and_accents(
    organizer: User, anybody: httpx.AsyncClient, published: Publish, name: str
) -> None:
    event = await published(**{name: "Орёл-Łódź"}, **at(0))
    await published(**{name: "Орёл-Łódź 2"}, **at(0))
    for value in ("орел-lodz", "ОРЁЛ-ŁÓDŹ", "Орёл-Łódź"):
        assert await ids(anybody, organizer=str(organizer.id), **{name: value}) == [event["id"]]
    for value in ("орел-lod", "%", "орел_lodz"):
        assert await ids(anybody, organizer=str(organizer.id), **{name: value}) == []


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


ID = "0" * 32


@pytest.mark.parametrize(
    "key",
    [
        f'["starts_at", "2027-01-01T00:00:00Z", "{ID}"]',
        f'["relevance", "2027-01-01T00:00:00Z", "{ID}"]',
        f'["relevance", {WORST_RANK + 1}, "2027-01-01T00:00:00Z", "{ID}"]',
        f'["relevance", -1, "2027-01-01T00:00:00Z", "{ID}"]',
        f'["relevance", 1e400, "2027-01-01T00:00:00Z", "{ID}"]',
        f'["relevance", 99999999999999999999999, "2027-01-01T00:00:00Z", "{ID}"]',
        f'["relevance", "x", "2027-01-01T00:00:00Z", "{ID}"]',
        f'["relevance", null, "2027-01-01T00:00:00Z", "{ID}"]',
        f'["relevance", [1], "2027-01-01T00:00:00Z", "{ID}"]',
        f'["relevance", 1, "2027-01-01T00:00:00", "{ID}"]',
        '["relevance", 1, "2027-01-01T00:00:00Z", 7]',
        "null",
    ],
)
async def test_a_forged_cursor_is_refused(anybody: httpx.AsyncClient, key: str) -> None:
    parameters = {"q": "jazz", "cursor": forged(key)}
    assert problem(await anybody.get("/events", params=parameters)) == (422, "invalid-request")


async def test_a_cursor_of_a_search_is_of_no_other_list(
    organizer: User, anybody: httpx.AsyncClient, published: Publish
) -> None:
    for day in range(2):
        await published(title="Sitar", **at(day))
    by: dict[str, Any] = {"organizer": str(organizer.id), "q": "sitar", "limit": "1"}
    cursor = (await anybody.get("/events", params=by)).json()["next_cursor"]
    for other in ({"sort": "starts_at"}, {"q": ""}):
        answer = await anybody.get("/events", params=by | other | {"cursor": cursor})
        assert problem(answer) == (422, "invalid-request")


async def test_graphql_finds_the_same_in_the_same_order(
    events: dict[str, str], anybody: httpx.AsyncClient
) -> None:
    for q in ("jaz", "orchrd", "soiree", "щелк"):
        query = "query ($q: String) {events(q: $q, first: 5) {items {id} nextCursor}}"
        answer = await anybody.post("/graphql", json={"query": query, "variables": {"q": q}})
        page = (await anybody.get("/events", params={"q": q, "limit": 5})).json()
        found = answer.json()["data"]["events"]
        assert found["items"] == [{"id": event["id"]} for event in page["items"]]
        assert found["items"]
        assert found["nextCursor"] == page["next_cursor"]


@pytest.mark.parametrize(
    ("word", "other", "is_near"),
    [
        ("horse", "house", True), ("horse", "horses", True), ("horse", "orse", True),
        ("horse", "hores", True), ("horse", "ohrse", True), ("horse", "horse", False),
        ("horse", "hoesr", False), ("horse", "rhose", False), ("abcde", "bcdxe", False),
        ("horse", "horsess", False), ("horse", "", False), ("aaaab", "aaaaa", True),
        ("abab", "baba", False), ("abcde", "abdce", True), ("abcde", "acbed", False),
    ],
)  # fmt: skip
def test_one_typo_is_one_edit(word: str, other: str, is_near: bool) -> None:
    assert is_one_typo_from(word, other) is is_near
    assert is_one_typo_from(other, word) is is_near
