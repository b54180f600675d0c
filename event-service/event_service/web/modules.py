"""The modules of the first page in one file, so that a visit costs one request for them.

There is no build step: the server joins ``app.js`` and what it imports when it reads the files. Each
module becomes a function that returns its exports; a module that is loaded later takes them from the
joined file, so that there is one instance of each. Imports and exports are recognised where they begin a
line, as they are written here; anything else is refused, by a test before anybody sees it.
"""

import re
from collections.abc import Mapping
from posixpath import dirname, join, normpath, relpath

ENTRY = "app.js"
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
_AWAIT = re.compile(r"^(?:const \S+ = )?await\b|^const [^=\n]+ = \(?await\b", re.M)


class UnknownSyntax(Exception):
    """An import or export that is written in another way."""


def join_modules(sources: Mapping[str, str]) -> dict[str, str]:
    """All modules as they are served, by their names; ``sources`` are as people wrote them."""
    order = _order(sources)
    joined = [_as_function(name, sources[name]) for name in order]
    table = ", ".join(f'"{name}": {_variable(name)}' for name in order)
    served = {name: _with_shared(name, text, order) for name, text in sources.items()}
    served |= {name: _as_view_of_joined(name, sources[name]) for name in order}
    served[ENTRY] = "".join(joined) + f"export const {TABLE} = {{ {table} }};\n"
    return served


def _order(sources: Mapping[str, str]) -> list[str]:
    """What the entry imports, directly or not, each module after those that it imports."""
    order: list[str] = []
    path: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        if name in path:
            raise UnknownSyntax(f"{' -> '.join([*path, name])}: modules import each other")
        path.append(name)
        for found in _IMPORT.finditer(sources[name]):
            visit(_target(name, found["path"]))
        order.append(path.pop())

    visit(ENTRY)
    return order


def _target(name: str, path: str) -> str:
    return normpath(join(dirname(name), path))


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))


def _as_function(name: str, source: str) -> str:
    """A statement that runs the module and keeps its exports."""
    if "import.meta" in source and "/" in name:
        raise UnknownSyntax(f"{name}: its own address is not that of the joined file")
    body = _IMPORT.sub(
        lambda found: _destructured(found, _variable(_target(name, found["path"]))), source
    )
    body = _LATER.sub(lambda found: f'import("./{_target(name, found[1])}")', body)
    body, exports = _without_exports(name, body)
    returned = ", ".join(_pair(public, local) for public, local in exports.items())
    begin, end = ("await (async () => {", "})()") if _AWAIT.search(body) else ("(() => {", "})()")
    return (
        f"// {name}\nconst {_variable(name)} = {begin}\n{body}\nreturn {{ {returned} }};\n{end};\n"
    )


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


def _path_to_entry(name: str) -> str:
    path = relpath(ENTRY, dirname(name) or ".")
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
        return _destructured(found, f'$shared["{target}"]')

    text = _IMPORT.sub(replace, source)
    return (
        f'import {{ {TABLE} as $shared }} from "{_path_to_entry(name)}";\n{text}'
        if is_shared
        else text
    )


def _as_view_of_joined(name: str, source: str) -> str:
    """A module of the joined file under its own address."""
    exports = _exports(name, source)
    lines = [f'import {{ {TABLE} }} from "{_path_to_entry(name)}";\n']
    names = [public for public in exports if public != "default"]
    if names:
        lines.append(f'export const {{ {", ".join(names)} }} = {TABLE}["{name}"];\n')
    if "default" in exports:
        lines.append(f'export default {TABLE}["{name}"].default;\n')
    return "".join(lines)
