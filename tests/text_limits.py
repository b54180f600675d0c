"""Every string that an OpenAPI document lets people send, and what is sent there to hold a service up.

Time is the processor's, so that a busy machine decides nothing.
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

Json = dict[str, Any]

BOUNDED_FORMATS = ("uuid", "date-time", "binary")
ID = "0198c0de-0000-7000-8000-00000000000a"
FORM = "application/x-www-form-urlencoded"
SECONDS = 0.1
LONGEST_IN_URL = 6_000


def hostile_texts() -> dict[str, str]:
    """By name. Two classes of marks in turn are what normalisation has to sort."""
    return {
        "2,000 marks": "a" + "\u0327\u0301" * 1_000 + "@example.com",
        "20,000 marks": "a" + "\u0315\u0300\u05ae\u0300" * 5_000 + "@example.com",
        "20,000 pairs": "a\u0301" * 20_000 + "@example.com",
        "20,000 jamo": "\u1100\u1161\u11a8" * 6_667,
        "20,000 expanding marks": "a" + "\u0344" * 20_000,
        "runs that end in time": ("a" + "\u0327\u0301" * 15) * 1_000,
        "40,000 letters": "x" * 40_000,
    }


EVERYWHERE = ("20,000 marks", "2,000 marks")
REFUSED = ("2,000 marks", "20,000 expanding marks", "40,000 letters")


@dataclass(frozen=True)
class Input:
    """One string of one operation; ``path`` leads to it in a body (``[]`` is any item)."""

    method: str
    route: str
    place: str
    path: tuple[str, ...]
    schema: str

    @property
    def is_judged_elsewhere(self) -> bool:
        """Headers and files are mere bytes; GraphQL says in its own form what is wrong with a query."""
        is_file = json.loads(self.schema).get("format") == "binary"
        return self.place == "header" or is_file or self.path == ("query",)

    @property
    def kind(self) -> tuple[object, ...]:
        """Where it stands and how it is checked, whatever its limits and its name."""
        schema = json.loads(self.schema)
        said = set(schema) - {"title", "description", "examples", "default"}
        return (self.place, self.is_judged_elsewhere, schema.get("format"), *sorted(said))

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.place} {'.'.join(self.path)}"


def inputs_of(document: Json) -> list[Input]:
    found: dict[str, Input] = {}
    for route, methods in document["paths"].items():
        for method, operation in methods.items():
            for place, path, schema in _strings_of_operation(document, operation):
                entry = Input(method.upper(), route, place, path, json.dumps(schema))
                found[str(entry)] = entry
    return list(found.values())


def _strings_of_operation(
    document: Json, operation: Json
) -> Iterator[tuple[str, tuple[str, ...], Json]]:
    for parameter in operation.get("parameters", ()):
        for _, schema in strings_in(document, parameter["schema"]):
            yield parameter["in"], (parameter["name"],), schema
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        for path, schema in strings_in(document, content["schema"]):
            yield media_type, path, schema


def strings_in(
    document: Json, schema: Json, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Json]]:
    if len(path) > 12:
        return
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for inner in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from strings_in(document, inner, path)
    for name, inner in schema.get("properties", {}).items():
        yield from strings_in(document, inner, (*path, name))
    if isinstance(schema.get("items"), dict):
        yield from strings_in(document, schema["items"], (*path, "[]"))
    for inner in schema.get("prefixItems", ()):
        yield from strings_in(document, inner, (*path, "[]"))
    if schema.get("type") == "object" and schema.get("additionalProperties"):
        # Whatever it holds, keys and values are text of which the kit alone knows a limit.
        yield (*path, "any"), {"type": "string", "maxLength": "kit"}
    if schema.get("type") == "string":
        yield path, schema


def is_bounded(schema: Json) -> bool:
    return (
        "maxLength" in schema
        or "enum" in schema
        or "const" in schema
        or schema.get("format") in BOUNDED_FORMATS
    )


def unbounded_inputs(document: Json) -> list[str]:
    return [str(entry) for entry in inputs_of(document) if not is_bounded(json.loads(entry.schema))]


async def send(
    client: httpx.AsyncClient, entry: Input, text: str, headers: dict[str, str]
) -> tuple[httpx.Response, float]:
    """The answer, and the processor's seconds that it took."""
    route, options = entry.route, dict[str, Any](headers=dict(headers))
    name = entry.path[0] if entry.path else ""
    if entry.place in ("path", "query"):
        # More than our client would send.
        text = text[:LONGEST_IN_URL]
    if entry.place == "path":
        route = route.replace("{" + name + "}", quote(text, safe=""))
    elif entry.place == "query":
        options["params"] = {name: text}
    elif entry.place == "header":
        options["headers"] |= {name: text.encode()}
    elif entry.place == FORM:
        options["data"] = {"username": "a@example.com", "password": "x"} | {name: text}
    elif entry.place == "application/json":
        options["content"] = _body(entry.path, text)
        options["headers"] |= {"Content-Type": "application/json"}
    else:
        options["content"] = text.encode()
    route = re.sub(r"\{\w+\}", ID, route)
    request = client.build_request(entry.method, client.base_url.join("/").join(route), **options)
    started = time.process_time()
    answer = await client.send(request)
    return answer, time.process_time() - started


def _body(path: tuple[str, ...], text: str) -> bytes:
    value: Any = text
    for name in reversed(path):
        value = (
            [value] if name == "[]" else {name: value, text: 1} if name == "any" else {name: value}
        )
    # Not escaped, so that the smaller form is tried; the other one has a test of its own.
    return json.dumps(value, ensure_ascii=False).encode()


async def try_all(
    client: httpx.AsyncClient, document: Json, callers: list[dict[str, str]]
) -> tuple[int, list[str]]:
    """How many requests were sent, and what was answered otherwise than by a mistake in time.

    One field of each kind gets every text; the others those that tell whether anything looks at it
    before its limits: the one that costs most, and the one that is short and refused all the same.
    """
    sent, faults, tried = 0, [], set()
    texts = hostile_texts()
    for entry in inputs_of(document):
        is_first = entry.kind not in tried
        tried.add(entry.kind)
        for name in texts if is_first else EVERYWHERE:
            statuses = []
            for headers in callers:
                answer, seconds = await send(client, entry, texts[name], headers)
                statuses.append(answer.status_code)
                sent += 1
                if seconds > SECONDS:
                    # Once more: the collector of garbage may have run just then.
                    _, seconds = await send(client, entry, texts[name], headers)
                if seconds > SECONDS:
                    faults.append(f"{entry}: {name} took {seconds:.2f} s")
                if answer.status_code >= 500:
                    faults.append(f"{entry}: {name} was answered {answer.status_code}")
                if answer.status_code not in (401, 403):
                    # Whoever else comes by has the same said.
                    break
            if name in REFUSED and not entry.is_judged_elsewhere and 422 not in statuses:
                faults.append(f"{entry}: {name} was answered {statuses}")
    return sent, faults
