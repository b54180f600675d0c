"""The modules of the first page in one file, and those of an event's page in another, so that a visit costs
one request for them.

There is no build step: the server joins ``app.js`` and what it imports when it reads the files. Each
module becomes a function that returns its exports; a module that is loaded later takes them from the
joined file, so that there is one instance of each. Imports and exports are recognised where they begin a
line, as they are written here; anything else is refused, by a test before anybody sees it.

The view of an event, which has many modules, is a second file of this kind: on a slow line each request
takes its time, and browsers make six at once. What other views import too is in the first file. Both are
without the comments, which would be a fifth of their bytes.
"""

import re
from collections.abc import Mapping, Sequence
from posixpath import dirname, join, normpath, relpath

ENTRY = "app.js"
VIEW = "views/event.js"
TABLE = "modules"

_IMPORT = re.compile(
    r"""^import\s+(?:(?P<default>\w+)\s*(?:,\s*)?)?(?:\*\s+as\s+(?P<all>\w+)\s*|\{(?P<names>[^}]*)\}\s*)?"""
    r"""(?:from\s+)?"(?P<path>\.[^"]+)";[ ]*\n?""",
    re.M,
)
_LATER = re.compile(r"""\bimport\(\s*"(\.[^"]+)"\s*\)""")
_DECLARATION = re.compile(r"^export (?=(?:async )?function\*? (\w+)|(?:class|const) (\w+))", re.M)
_LIST = re.compile(r"^export\s+\{(?P<names>[^}]*)\};[ ]*\n?", re.M)
_DEFAULT = re.compile(r"^export default (?!(?:async )?function\b|class\b)", re.M)
_OTHER = re.compile(r"^(?:import(?!\(|\.)|export)\b.*$", re.M)
_COMMENT = re.compile(r"^ *(?://.*|/\*[\s\S]*?\*/)\n", re.M)
_AWAIT = re.compile(r"^(?:const \S+ = )?await\b|^const [^=\n]+ = \(?await\b", re.M)


class UnknownSyntax(Exception):
    """An import or export that is written in another way."""


def join_modules(sources: Mapping[str, str]) -> dict[str, str]:
    """All modules as they are served, by their names; ``sources`` are as people wrote them."""
    first = _order(sources, ENTRY)
    orders = {ENTRY: first}
    if VIEW in sources:
        order = _order(sources, VIEW, first)
        others = [name for name in sources if name not in order]
        shared = _needed(sources, _imported(sources, others) - {VIEW}, order)
        # Before the entry, which is the last one.
        first[-1:-1] = shared
        orders[VIEW] = [name for name in order if name not in shared]
    served = {name: _with_shared(name, text, first) for name, text in sources.items()}
    for entry, order in orders.items():
        served |= {name: _as_view_of_joined(name, sources[name], entry) for name in order}
        served[entry] = _join(sources, entry, order, first)
    return served


def _join(
    sources: Mapping[str, str], entry: str, order: Sequence[str], first: Sequence[str]
) -> str:
    """The file that has the modules of ``order``; others that they import are in the ``first`` one."""
    outside = [name for name in first if name not in order]
    body = "".join(_as_function(name, sources[name], entry, outside) for name in order)
    table = ", ".join(f'"{name}": {_variable(name)}' for name in order)
    body += f"export const {TABLE} = {{ {table} }};\n"
    if entry == ENTRY:
        return body
    names = ", ".join(_exports(entry, sources[entry]))
    shared = f'import {{ {TABLE} as $shared }} from "{_path_to(ENTRY, entry)}";\n'
    return f"{shared}{body}export const {{ {names} }} = {_variable(entry)};\n"


def _order(sources: Mapping[str, str], entry: str, known: Sequence[str] = ()) -> list[str]:
    """What the entry imports, directly or not, each module after those that it imports; without those that
    are known already."""
    order: list[str] = []
    path: list[str] = []

    def visit(name: str) -> None:
        if name in order or name in known:
            return
        if name in path:
            raise UnknownSyntax(f"{' -> '.join([*path, name])}: modules import each other")
        path.append(name)
        for found in _IMPORT.finditer(sources[name]):
            visit(_target(name, found["path"]))
        order.append(path.pop())

    visit(entry)
    return order


def _needed(sources: Mapping[str, str], wanted: set[str], order: Sequence[str]) -> list[str]:
    """Those of ``order`` that are wanted, and what these import of it, in this order."""
    known = [name for name in sources if name not in order]
    needed = {
        needed for name in wanted.intersection(order) for needed in _order(sources, name, known)
    }
    return [name for name in order if name in needed]


def _imported(sources: Mapping[str, str], names: Sequence[str]) -> set[str]:
    """What any of the modules imports at once or later."""
    return {
        _target(name, path)
        for name in names
        for path in [
            *(found["path"] for found in _IMPORT.finditer(sources[name])),
            *_LATER.findall(sources[name]),
        ]
    }


def _target(name: str, path: str) -> str:
    return normpath(join(dirname(name), path))


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))


def _as_function(name: str, source: str, entry: str, outside: Sequence[str]) -> str:
    """A statement that runs the module and keeps its exports."""
    if "import.meta" in source and dirname(name) != dirname(entry):
        raise UnknownSyntax(f"{name}: its own address is not that of the joined file")

    def replace(found: re.Match[str]) -> str:
        target = _target(name, found["path"])
        return _destructured(found, _shared(target) if target in outside else _variable(target))

    body = _IMPORT.sub(replace, _without_comments(name, source))
    body = _LATER.sub(lambda found: f'import("{_path_to(_target(name, found[1]), entry)}")', body)
    body, exports = _without_exports(name, body)
    returned = ", ".join(_pair(public, local) for public, local in exports.items())
    begin, end = ("await (async () => {", "})()") if _AWAIT.search(body) else ("(() => {", "})()")
    return (
        f"// {name}\nconst {_variable(name)} = {begin}\n{body}\nreturn {{ {returned} }};\n{end};\n"
    )


def _without_comments(name: str, source: str) -> str:
    """Those that have lines of their own. In a text of several lines such a line would be none."""
    text = _COMMENT.sub("", source)
    for line in text.splitlines():
        if line.count("`") % 2:
            raise UnknownSyntax(f"{name}: {line}: a text goes on in the next line")
    return text


def _shared(name: str) -> str:
    return f'$shared["{name}"]'


def _destructured(found: re.Match[str], source: str) -> str:
    names = [] if found["default"] is None else [f"default: {found['default']}"]
    names += [_pair(*pair) for pair in _pairs(found["names"])]
    lines = [f"const {{ {', '.join(names)} }} = {source};\n"] if names else []
    lines += [f"const {found['all']} = {source};\n"] if found["all"] else []
    return "".join(lines)


def _pairs(names: str | None) -> list[tuple[str, str]]:
    """The names of a list in braces, ``a`` or ``a as b``, as pairs."""
    found = []
    for part in (names or "").split(","):
        first, _, second = part.strip().partition(" as ")
        if first:
            found.append((first, second.strip() or first))
    return found


def _pair(name: str, other: str) -> str:
    return name if name == other else f"{name}: {other}"


def _exports(name: str, source: str) -> dict[str, str]:
    return _without_exports(name, _IMPORT.sub("", source))[1]


def _without_exports(name: str, body: str) -> tuple[str, dict[str, str]]:
    """The text of a module without its exports, and what it exports under which of its names."""
    exports = {}
    for found in _DECLARATION.finditer(body):
        local = found[1] or found[2]
        exports[local] = local
    for found in _LIST.finditer(body):
        exports |= {public: local for local, public in _pairs(found["names"])}
    body = _LIST.sub("", _DECLARATION.sub("", body))
    if _DEFAULT.search(body):
        body = _DEFAULT.sub("const $default = ", body)
        exports["default"] = "$default"
    if other := _OTHER.search(body):
        raise UnknownSyntax(f"{name}: {other[0]}")
    return body, exports


def _path_to(target: str, name: str) -> str:
    """As the module ``name`` imports it."""
    path = relpath(target, dirname(name) or ".")
    return path if path.startswith(".") else f"./{path}"


def _with_shared(name: str, source: str, order: list[str]) -> str:
    """A module that is loaded later: what is in the joined file comes from there."""
    is_shared = False

    def replace(found: re.Match[str]) -> str:
        nonlocal is_shared
        target = _target(name, found["path"])
        if target not in order:
            return found[0]
        is_shared = True
        return _destructured(found, _shared(target))

    text = _IMPORT.sub(replace, source)
    return (
        f'import {{ {TABLE} as $shared }} from "{_path_to(ENTRY, name)}";\n{text}'
        if is_shared
        else text
    )


def _as_view_of_joined(name: str, source: str, entry: str) -> str:
    """A module of the joined file under its own address."""
    exports = _exports(name, source)
    lines = [f'import {{ {TABLE} }} from "{_path_to(entry, name)}";\n']
    names = [public for public in exports if public != "default"]
    if names:
        lines.append(f'export const {{ {", ".join(names)} }} = {TABLE}["{name}"];\n')
    if "default" in exports:
        lines.append(f'export default {TABLE}["{name}"].default;\n')
    return "".join(lines)
