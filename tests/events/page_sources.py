"""The page's own sources, read as far as tests need it: strings of scripts, selectors of styles."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from event_service.web import files
from event_service.web.files import FOLDER

TEMPLATES = Path(files.__file__).with_name("templates")
# Where a slash begins a pattern, not a division.
_BEFORE_PATTERN = re.compile(r"(?:^|[(,=:\[!&|?{};>+]|\breturn|\bcase)\s*$")
_PATTERN = re.compile(r"/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/[a-z]*")
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"' + r"|'(?:[^'\\\n]|\\.)*'")
_PLAIN = re.compile(r"""[^/"'`{}]+""")
# What stands for ``${...}`` in the text of a template literal.
HOLE = "\0"


@dataclass(frozen=True)
class Literal:
    """A string of a script; ``before`` is the code in front of it, up to the beginning of its line or the
    string before."""

    text: str
    before: str


def scripts() -> dict[str, str]:
    """The modules that we wrote, by their path, without the words."""
    return {
        path.relative_to(FOLDER).as_posix(): path.read_text()
        for path in sorted(FOLDER.rglob("*.js"))
        if not {"vendor", "locales"} & set(path.relative_to(FOLDER).parts)
    }


def styles() -> dict[str, str]:
    return {
        path.relative_to(FOLDER).as_posix(): path.read_text()
        for path in sorted(FOLDER.rglob("*.css"))
    }


def templates() -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(TEMPLATES.iterdir())}


def literals(source: str) -> list[Literal]:
    """Strings and template literals of a script, also those within ``${...}``."""
    found: list[Literal] = []
    _read(source, 0, found, until="")
    return found


def _read(source: str, at: int, found: list[Literal], until: str) -> int:
    """Reads code from ``at`` to the brace that ends it; returns the place behind that."""
    start, depth = at, 0
    while at < len(source):
        if source.startswith("//", at):
            at = (source.find("\n", at) + 1) or len(source)
        elif source.startswith("/*", at):
            at = source.index("*/", at) + 2
        elif quoted := _QUOTED.match(source, at):
            found.append(Literal(quoted[0][1:-1], source[start:at]))
            at = start = quoted.end()
        elif source[at] == "`":
            at = start = _read_template(source, at + 1, found, source[start:at])
        elif pattern := _pattern_at(source, at):
            at = pattern.end()
        elif plain := _PLAIN.match(source, at):
            at = plain.end()
        else:
            depth += {"{": 1, "}": -1}.get(source[at], 0)
            at += 1
            if until and depth < 0:
                return at
    return at


def _pattern_at(source: str, at: int) -> re.Match[str] | None:
    is_pattern = source[at] == "/" and _BEFORE_PATTERN.search(source[max(0, at - 20) : at])
    return _PATTERN.match(source, at) if is_pattern else None


def _read_template(source: str, at: int, found: list[Literal], before: str) -> int:
    text = ""
    while source[at] != "`":
        if source.startswith("${", at):
            at = _read(source, at + 2, found, until="}")
            text += HOLE
        else:
            step = 2 if source[at] == "\\" else 1
            text += source[at : at + step]
            at += step
    found.append(Literal(text, before))
    return at + 1


def selectors(style: str) -> Iterator[str]:
    """One by one, also those within ``@media``, without steps of animations."""
    text = re.sub(r"/\*.*?\*/", "", style, flags=re.S)
    text = re.sub(r"@keyframes [^{]*\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", text)
    text = re.sub(r"@(?:media|supports)[^{]*\{", "", text)
    for group in re.findall(r"([^{};]+)\{", text):
        if not group.strip().startswith("@"):
            yield from (one.strip() for one in re.split(r",(?![^(]*\))", group))


def classes(selector: str) -> set[str]:
    return set(re.findall(r"\.([A-Za-z][\w-]*)", selector))
