import time
import unicodedata
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from service_kit.problems import InvalidRequest
from service_kit.text import (
    MAX_COMBINING_IN_A_ROW,
    Line,
    Paragraphs,
    has_long_combining_run,
    is_combining,
    is_invisible,
    refuse_unbounded_text,
)

LINE = TypeAdapter[str](Annotated[str, Line(20)])
PARAGRAPHS = TypeAdapter[str](Annotated[str, Paragraphs(100)])


@pytest.mark.parametrize(
    "value", ["a\x00b", "a\r\nBcc: x", "a\u2028b", "\u202egnp.exe", "\ud800", "", "x" * 21]
)
def test_a_line_refuses_what_could_end_it_or_turn_it(value: str) -> None:
    with pytest.raises(ValidationError):
        LINE.validate_python(value)


def test_a_line_is_trimmed_and_composed() -> None:
    assert LINE.validate_python("  Cafe\u0301 ") == "Café"


def test_paragraphs_keep_their_lines_and_no_control_characters() -> None:
    assert PARAGRAPHS.validate_python("a\r\nb\tc") == "a\nb\tc"
    with pytest.raises(ValidationError):
        PARAGRAPHS.validate_python("a\x07")


def longest_run(text: str) -> int:
    """The plain way to count, to compare with."""
    longest = current = 0
    for character in text:
        current = current + 1 if is_combining(character) else 0
        longest = max(longest, current)
    return longest


MARKS = "\u0301\u0327\u0903\u20dd\uff9e\u0344"
PIECES = st.tuples(st.sampled_from(["a", "", "\u1161", "漢", *MARKS]), st.integers(0, 70))


@given(st.lists(PIECES, max_size=8))
def test_a_long_run_is_found_wherever_it_begins(pieces: list[tuple[str, int]]) -> None:
    text = "".join(character * count for character, count in pieces)
    assert has_long_combining_run(text) == (longest_run(text) > MAX_COMBINING_IN_A_ROW)


@pytest.mark.parametrize("before", range(0, 64, 7))
def test_thirty_marks_are_text_and_one_more_is_not(before: int) -> None:
    for mark in MARKS:
        assert not has_long_combining_run("é" * before + mark * 30 + "x" + mark * 30)
        assert has_long_combining_run("é" * before + mark * 31)


@pytest.mark.parametrize(
    "text",
    [
        ("a" + "\u0301\u0327" * 15) * 33_000,
        "\u0301" * 1_000_000,
        "\u1100\u1161\u11a8" * 330_000,
        "é" * 1_000_000,
    ],
)
def test_the_look_at_runs_is_linear(text: str) -> None:
    """A million characters, which is more than a body may hold."""
    started = time.process_time()
    has_long_combining_run(text)
    assert time.process_time() - started < 0.5


def test_without_the_look_normalising_is_what_takes_long() -> None:
    """The control: why such runs are refused, and that what is not refused takes no time."""
    started = time.process_time()
    unicodedata.normalize("NFC", "a" + "\u0315\u0300\u05ae\u0300" * 5_000)
    refused = time.process_time() - started
    started = time.process_time()
    unicodedata.normalize("NFC", ("a" + "\u0315\u0300\u05ae" * 10) * 650)
    assert time.process_time() - started < refused / 5


@pytest.mark.parametrize(
    "text",
    ["\u200b", "\u3164\u115f", "\u2800", "\u00ad\u200d\ufe0f", "\U000e0041", "\u2060 \u00a0"],
)
def test_what_nobody_can_see_is_empty(text: str) -> None:
    assert is_invisible(text)
    with pytest.raises(ValidationError):
        LINE.validate_python(text)
    assert TypeAdapter[str](Annotated[str, Line(20, min_length=0)]).validate_python(text) == ""
    assert PARAGRAPHS.validate_python(text) == ""
    assert LINE.validate_python(f"{text}x{text}")


def test_what_grows_when_it_is_normalised_must_fit_afterwards() -> None:
    with pytest.raises(ValidationError):
        LINE.validate_python("\U0001d160" * 20)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"a": [{"b": "x" * 20_001}]}, "a.0.b"),
        ({"a": {"x" * 20_001: 1}}, "a"),
        (["\u0301" * 31], "0"),
        ({"\u0301" * 31: 1}, "body"),
        ("\u0301" * 31, "body"),
    ],
)
def test_no_string_of_a_document_escapes(document: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        refuse_unbounded_text(document)
    assert refused.value.members["errors"][0]["field"] == field


def test_a_document_may_be_nested_deeply() -> None:
    document: object = "x"
    for _ in range(50_000):
        document = [document]
    refuse_unbounded_text(document)
