"""Cursors that no list has ever written, for every list that an OpenAPI document shows."""

import base64
import json
from typing import Any

import httpx
from hypothesis import strategies as st

ID = "0198c0de-0000-7000-8000-00000000000a"
TIMES = st.sampled_from(
    [
        "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59.999999+00:00",
        "0001-01-01T00:00:00Z", "2026-11-25T18:00:00Z", "2026-11-25T18:00:00", "-0001-01-01T00:00:00Z",
    ]
)  # fmt: skip
SORTS = st.sampled_from(["starts_at", "-starts_at", "-created_at", "relevance", "x"])
SCALARS = (
    TIMES
    | SORTS
    | st.sampled_from([ID, None, True, 0, -1, 2**31, 2**63, 2**64, 10**30, 1e308, -0.0, "\x00", ""])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers()
    | st.text(max_size=20)
)
PARTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
KEYS = (
    st.lists(PARTS, max_size=5)
    | st.tuples(SORTS, TIMES, st.just(ID)).map(list)
    | st.tuples(PARTS, TIMES, st.just(ID)).map(list)
    | st.tuples(SORTS, TIMES, PARTS).map(list)
    | PARTS
)
CURSORS = (
    KEYS.map(lambda parts: forged(parts))
    | st.text(max_size=30)
    | st.binary(max_size=30).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
)

# What was a 500, and its neighbours.
KNOWN: list[Any] = [
    ["starts_at", "9999-12-31T23:59:59-23:00", ID],
    ["starts_at", "0001-01-01T00:00:00+23:00", ID],
    ["-starts_at", "9999-12-31T23:59:59-23:00", ID],
    ["-created_at", "0001-01-01T00:00:00+23:00", ID],
    ["starts_at", "2026-11-25T18:00:00Z", 5],
    ["starts_at", "2026-11-25T18:00:00Z", "x"],
    ["starts_at", 5, ID],
    ["starts_at", "2026-11-25T18:00:00Z"],
    ["starts_at", "2026-11-25T18:00:00Z", ID, ID],
    [], [ID, ID], [2**70], [None], [[ID]], [{"a": ID}], ["\x00"], {"a": 1}, None, 5, "x",
]  # fmt: skip


def forged(parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def lists_of(document: dict[str, Any]) -> list[str]:
    """The paths of every list that takes a cursor."""
    return [
        path
        for path, methods in document["paths"].items()
        if any(p["name"] == "cursor" for p in methods.get("get", {}).get("parameters", ()))
    ]


async def ask(
    client: httpx.AsyncClient, path: str, cursor: str, headers: dict[str, str], **params: str
) -> httpx.Response:
    """The list from ``cursor`` on."""
    url = client.base_url.join("/").join(path)
    return await client.get(url, params={"cursor": cursor, **params}, headers=headers)
