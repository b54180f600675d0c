"""What ../README.md says is shown by tests."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def missing(text: str) -> set[str]:
    """Tests that a text names and that there are not."""
    return {f"{path}::{name}" for path, name in NAMED.findall(text) if name not in names_in(path)}


def names_in(path: str) -> set[str]:
    file = TESTS / path
    if not file.is_file():
        return set()
    return {
        node.name
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


def test_each_test_that_is_named_exists() -> None:
    text = (TESTS / "README.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and "shown by" not in line]
    assert len(rows) > 50
    assert [row for row in rows if not NAMED.search(row)] == []
    assert missing(text) == set()


def test_one_that_is_not_there_would_be_found() -> None:
    """The negative control."""
    here = "stack/test_promises.py"
    text = (
        f"`{here}::test_each_test_that_is_named_exists` `{here}::test_none` `stack/no.py::test_x`"
    )
    assert missing(text) == {f"{here}::test_none", "stack/no.py::test_x"}
