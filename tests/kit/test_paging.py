"""A cursor that somebody made up is a mistake, whatever it holds."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from service_kit.problems import InvalidRequest
from service_kit.web.paging import Paging, encode_cursor
from tests.cursors import CURSORS, forged

KINDS = (datetime, UUID, int, float, str)
GOOD: dict[type, Any] = {
    datetime: "2026-11-25T18:00:00+02:00",
    UUID: "0198c0de-0000-7000-8000-00000000000a",
    int: 5,
    float: 0.5,
    str: "starts_at",
}
BAD: dict[type, list[Any]] = {
    datetime: [
        "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00", "9999-12-31T23:59:59+00:00",
        "0001-01-01T00:00:00+00:00", "2026-11-25T18:00:00", "2026-11-25", "x", 5, None, [], {},
        True, "2026-11-25T18:00:00+99:00", "1" * 200, "\u0662\u0660\u0662\u0666-11-25T00:00:00Z",
    ],
    UUID: ["x", "", 5, None, [], {}, "0" * 201, "\ud800", True, 0.5],
    int: [0.5, "5", None, True, 2**63, -(2**64), [], {}, 10**400],
    float: ["5", None, True, [], {}, "NaN"],
    str: [5, None, [], {}, "x" * 201, "\x00", "\ud800", "a" + "\u0301" * 31, True],
}  # fmt: skip


def test_what_a_list_wrote_it_can_read() -> None:
    at = datetime(2026, 11, 25, 18, tzinfo=UTC)
    row = (at, UUID(GOOD[UUID]), 5, 0.5, "starts_at")
    assert Paging(cursor=encode_cursor(row)).after(*KINDS) == row


@pytest.mark.parametrize("kind", KINDS)
def test_each_part_must_be_of_its_kind(kind: type) -> None:
    for value in BAD[kind]:
        for position in range(3):
            parts = [GOOD[UUID]] * 3
            kinds: list[type] = [UUID] * 3
            parts[position], kinds[position] = value, kind
            with pytest.raises(InvalidRequest):
                Paging(cursor=forged(parts)).after(*kinds)


@given(CURSORS)
def test_no_cursor_is_anything_but_a_mistake_or_a_key(cursor: str) -> None:
    for kinds in ((UUID,), (str, datetime, UUID), (float, datetime, UUID), (int,)):
        try:
            key = Paging(cursor=cursor).after(*kinds)
        except InvalidRequest:
            continue
        assert key is not None and all(map(isinstance, key, kinds))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999"])
def test_what_is_no_number_is_none(number: str) -> None:
    cursor = base64.urlsafe_b64encode(f"[{number}]".encode()).decode()
    with pytest.raises(InvalidRequest):
        Paging(cursor=cursor).after(float)
    assert json.loads(base64.urlsafe_b64decode(cursor)) is not None
