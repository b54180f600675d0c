import pytest
from pydantic import TypeAdapter, ValidationError

from service_kit.text import line, paragraphs

LINE = TypeAdapter[str](line(20))
PARAGRAPHS = TypeAdapter[str](paragraphs(100))


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
