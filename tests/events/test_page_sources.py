"""The page's sources agree with each other: words, classes, exports; and none has grown too long."""

import re
from pathlib import Path

import pytest

import auth_service
import event_service
import notification_service
import service_kit
from event_service.statuses import BookingStatus, EventStatus
from event_service.web.files import FOLDER, STYLES_OF_FRAME
from event_service.web.language import read_words
from tests.events.page_sources import (
    HOLE,
    classes,
    literals,
    scripts,
    selectors,
    styles,
    templates,
)

MOST_LINES = 300
# What a script of the page says by ``t``, at once or after a question.
SAID = re.compile(r"(?<![\w.])(?:t|has)\((?:[^()]*[?:]\s*)?$")
SAID_BY_TEMPLATE = re.compile(r"""\bt\(\s*["']([^"']+)["']\s*(~?)""")
# Words of a kind, such as ``status.{}``. One that begins with a hole could be any.
FAMILY = re.compile(r"[a-z][\w.-]*[.-]" + HOLE)
PACKAGES = (auth_service, event_service, notification_service, service_kit)
# Each is a document, or a view with what it is made of, whose styles are on a page together.
DOCUMENTS = {
    "desk": ("desk.css", "desk-parts.css", "door-links.css"),
    "hall": ("hall/hall.css", "hall/grid.css", "hall/overview.css", "event-form.css"),
    "seats": ("seat-map.css", "seat-cells.css"),
    "bookings": ("bookings.css", "tickets.css"),
    "account": ("account.css",),
    "admin": ("admin.css",),
}
DOOR = "door/door.css"
# By a test of the decoder.
FOR_TESTS = {"readByLibrary"}


def words() -> dict[str, str]:
    """All English words with the file that has them; by another test the Russian ones are the same."""
    found: dict[str, str] = {}
    for path in sorted((FOLDER / "locales").rglob("*en.js")):
        found |= dict.fromkeys(read_words(path.read_text()), path.name)
    return found


def spoken() -> set[str]:
    """Strings of scripts and templates that may be words, a hole for each part that is put in."""
    found = {one.text for source in scripts().values() for one in literals(source)}
    for source in templates().values():
        found |= {one or other for one, other in re.findall(r""""([^"]*)"|'([^']*)'""", source)}
        found |= {key + HOLE for key, more in SAID_BY_TEMPLATE.findall(source) if more}
    return found


def names_in_services() -> str:
    paths = [p for package in PACKAGES for p in Path(package.__path__[0]).rglob("*.py")]
    return "\n".join(path.read_text() for path in paths)


def test_each_word_is_said_somewhere() -> None:
    """One of a family, ``status.{}``, where what is put in stands in a script or in a service."""
    said, python = spoken(), names_in_services()
    families = [one.split(HOLE) for one in said if FAMILY.match(one)]
    patterns = [re.compile("(.+?)".join(map(re.escape, parts))) for parts in families]
    sources = "\n".join(scripts().values()) + python
    names = set(re.findall(r"[\w.-]+", sources)) | set(re.findall(r"[\w-]+", sources))

    def is_known(part: str) -> bool:
        # A number in what a service says is put in there.
        sentence = re.sub(r"\d+", r"(?:\\d+|\\{[^}]+\\})", re.escape(part))
        return part in names or (" " in part and re.search(sentence, sources) is not None)

    def is_said(word: str) -> bool:
        found = (pattern.fullmatch(word) for pattern in patterns)
        return (
            word in said
            or f'"{word}"' in python
            or any(one and all(map(is_known, one.groups())) for one in found)
        )

    assert [f"{word} ({file})" for word, file in words().items() if not is_said(word)] == []


def test_each_word_that_is_said_exists() -> None:
    known = words()
    unknown = []
    for name, source in scripts().items():
        unknown += [
            (name, one.text)
            for one in literals(source)
            if SAID.search(one.before) and not exists(one.text, known)
        ]
    for name, source in templates().items():
        for key, more in SAID_BY_TEMPLATE.findall(source):
            if not exists(key + (HOLE if more else ""), known):
                unknown.append((name, key))
    assert unknown == []


def exists(said: str, known: dict[str, str]) -> bool:
    if HOLE not in said:
        return said in known
    pattern = re.compile(".+".join(map(re.escape, said.split(HOLE))))
    return any(pattern.fullmatch(word) for word in known)


def test_control_a_word_that_is_missing_or_left_over_is_found() -> None:
    (one,) = literals('h("p", {}, t(isOpen ? "seat-map" : other))')[1:]
    assert SAID.search(one.before) and not exists(one.text, {"seat": "en.js"})
    assert exists(f"status.{HOLE}", {"status.draft": "en.js"})
    assert not exists(f"status.{HOLE}", {"state.draft": "en.js"})


def test_strings_of_scripts_are_read_as_browsers_read_them() -> None:
    source = """
        // A comment's "string"
        const path = text.replace(/["`]/g, "'"); /* "none" */
        const a = `x ${b ? `y ${"z"}` : "w"} v`;
    """
    found = [one.text for one in literals(source)]
    assert sorted(found) == sorted(["'", "z", f"y {HOLE}", "w", f"x {HOLE} v"])


def names_given() -> tuple[set[str], set[str]]:
    """What may be a class in scripts and templates; and the beginnings or ends of those with a part that is
    put in."""
    given = {*BookingStatus, *EventStatus}
    parts: set[str] = set()
    for source in scripts().values():
        for one in literals(source):
            if not SAID.search(one.before):
                given |= set(one.text.split())
    for source in templates().values():
        for text in re.findall(r'class="([^"]*)"', source):
            given |= set(re.findall(r"[\w-]+" + HOLE + "?", re.sub(r"\{\{.*?\}\}", HOLE, text)))
    for name in given:
        if re.search(r"[a-z]-?" + HOLE + "|" + HOLE + "-[a-z]", name):
            parts.add(name)
    return given, parts


def test_each_class_of_the_styles_is_given_to_something() -> None:
    given, parts = names_given()
    patterns = [re.compile("(.+)".join(map(re.escape, part.split(HOLE)))) for part in parts]
    words = set(re.findall(r"\w+", "\n".join(scripts().values()))) | set("0123456789")

    def is_given(name: str) -> bool:
        found = (pattern.fullmatch(name) for pattern in patterns)
        return name in given or any(one and set(one.groups()) <= words for one in found)

    unused = {
        (file, name)
        for file, style in styles().items()
        for selector in selectors(style)
        for name in classes(selector)
        if not is_given(name)
    }
    assert unused == set()


def unbound(rules: dict[str, str], view_of: dict[str, str]) -> list[tuple[str, str]]:
    """Selectors of files that come with a view, without a class that is of this view alone."""
    owners: dict[str, set[str]] = {}
    for file, view in view_of.items():
        for selector in selectors(rules[file]):
            for name in classes(selector):
                owners.setdefault(name, set()).add(view)
    return [
        (file, selector)
        for file, view in view_of.items()
        if view != "frame"
        for selector in selectors(rules[file])
        if not any(owners[name] == {view} for name in classes(selector))
    ]


def test_styles_that_come_later_change_nothing_of_other_views() -> None:
    """They stay when another view is opened. So each rule is bound to a class that is of its view alone."""
    view_of = {file: view for view, files in DOCUMENTS.items() for file in files}
    view_of |= dict.fromkeys(STYLES_OF_FRAME, "frame")
    assert set(view_of) == styles().keys() - {DOOR}
    assert unbound(styles(), view_of) == []


def test_control_a_rule_that_reaches_other_views_is_found() -> None:
    rules = {
        "frame.css": ".card .picture { width: 1px } .heading { top: 0 }",
        "desk.css": "@media print { main { margin: 0 } .desk .picture, .picture { width: 2px } }",
        "hall.css": "@keyframes go { to { top: 0 } } .stage:is(.a, .b), .hall .heading { top: 1px }",
        "tickets.css": ".stage, .tickets > .stage { top: 1px }",
    }
    views = {"frame.css": "frame", "desk.css": "desk", "hall.css": "hall", "tickets.css": "tickets"}
    assert unbound(rules, views) == [
        ("desk.css", "main"),
        ("desk.css", ".picture"),
        ("tickets.css", ".stage"),
    ]


def test_what_a_module_exports_another_one_imports() -> None:
    sources = scripts()
    declared = re.compile(r"^export (?:async )?(?:function\*?|class|const) (\w+)", re.M)
    unused = []
    for name, source in sources.items():
        others = "\n".join(text for other, text in sources.items() if other != name)
        unused += [
            (name, found)
            for found in declared.findall(source)
            if found not in FOR_TESTS and not re.search(rf"\b{found}\b", others)
        ]
    assert unused == []


@pytest.mark.parametrize("kind", ["js", "css"])
def test_no_file_is_longer_than_one_reads(kind: str) -> None:
    sources = scripts() if kind == "js" else styles()
    assert {n: t.count("\n") for n, t in sources.items() if t.count("\n") > MOST_LINES} == {}
