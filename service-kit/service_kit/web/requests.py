"""A request whose strings are bounded before FastAPI, pydantic or any other library looks at them."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.types import Scope

from service_kit.problems import InvalidRequest, TooLarge
from service_kit.settings import ServiceSettings
from service_kit.text import (
    MAX_STRING_CHARACTERS,
    TOO_MANY_COMBINING,
    check_text,
    has_long_combining_run,
    refuse_unbounded_text,
)

MAX_PATH_CHARACTERS = 2_048
# Of one JSON object that is a whole body; no route takes half as many.
MAX_NAMES = 100

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])


class BoundedRequest(Request):
    """Refuses a string of a JSON body or a form that is too long or stacks combining characters.

    What it raises while FastAPI reads the body reaches the client as it is (see ``error_handlers.py``).
    """

    takes_long_body = False

    @property
    def cookies(self) -> dict[str, str]:
        """As they were sent. ``http.cookies`` takes quoted values apart in quadratic time (60 kB: 45 s)
        on Python up to 3.13, and FastAPI asks at each request; ours are never quoted."""
        if not hasattr(self, "_cookies"):
            pairs = (
                part.partition("=")
                for header in self.headers.getlist("cookie")
                for part in header.split(";")
            )
            self._cookies = {name.strip(): value.strip() for name, _, value in pairs}
        return self._cookies

    async def json(self) -> Any:
        body = await self.bounded_body()
        document = await super().json()
        if isinstance(document, dict) and len(document) > MAX_NAMES:
            # Each that nobody knows may be a mistake to tell of.
            raise InvalidRequest.field("body", f"It has more than {MAX_NAMES} names.")
        # Nearly every body is short ASCII without escapes, so that no string of it can be too much.
        # NUL is how UTF-16 gives itself away.
        is_plain = body.isascii() and b"\\u" not in body and b"\x00" not in body
        if not is_plain or len(body) > MAX_STRING_CHARACTERS:
            refuse_unbounded_text(document)
        return document

    async def bounded_body(self) -> bytes:
        """The body, if it is no longer and holds no more values than its route takes: to read, judge
        and refuse each of 300,000 takes seconds in which nobody else is served. Raises TooLarge or
        InvalidRequest."""
        settings: ServiceSettings = self.app.state.settings
        body = await self.body()
        is_long = self.takes_long_body
        if not is_long and len(body) > settings.max_short_body_bytes:
            raise TooLarge
        limit = settings.max_body_values if is_long else settings.max_short_body_values
        if has_more_values(body, limit):
            raise InvalidRequest.field("body", f"It holds more than {limit} values.")
        return body

    async def _get_form(self, **limits: Any) -> FormData:
        settings: ServiceSettings = self.app.state.settings
        if len(await self.body()) > settings.max_form_bytes:
            raise _too_long("body", settings.max_form_bytes)
        form = await super()._get_form(**limits)
        for name, value in form.multi_items():
            _check_form_text(name, "body")
            _check_form_text(value.filename or "" if isinstance(value, UploadFile) else value, name)
        return form


def long_body(endpoint: EndpointT) -> EndpointT:
    """Marks an endpoint that takes as much as a body may hold at all (``MAX_BODY_BYTES``)."""
    vars(endpoint)["__long_body__"] = True
    return endpoint


def takes_long_body(endpoint: Callable[..., Any]) -> bool:
    return getattr(endpoint, "__long_body__", False)


def has_more_values(body: bytes, limit: int) -> bool:
    """Whether a JSON document may hold more than ``limit`` values, without making any of them: each
    stands behind a comma or is the first of its list or object."""
    if len(body) <= limit or _count_places(body) < limit:
        return False
    if b"\x00" in body:
        # UTF-16 or UTF-32, of which the bytes of signs can be parts of letters.
        return True
    # What stands in texts does not count.
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if plain.count(b'"') > 4 * limit:
        return True
    return _count_places(b"".join(plain.split(b'"')[::2])) >= limit


def _count_places(body: bytes) -> int:
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def _check_form_text(text: str, field: str) -> None:
    try:
        check_text(text)
    except ValueError as error:
        raise InvalidRequest.field(field[:50], f"It {error}.") from None


def refuse_unbounded_parts(scope: Scope, settings: ServiceSettings) -> None:
    """Checks the address and the headers of a request. Raises InvalidRequest."""
    path: str = scope["path"]
    query: bytes = scope["query_string"]
    if len(path) > MAX_PATH_CHARACTERS:
        raise _too_long("path", MAX_PATH_CHARACTERS)
    if len(query) > settings.max_query_bytes:
        raise _too_long("query", settings.max_query_bytes)
    if not path.isascii() and has_long_combining_run(path):
        raise InvalidRequest.field("path", f"It {TOO_MANY_COMBINING}.")
    if b"%" in query:
        decoded = unquote_to_bytes(query)
        if not decoded.isascii() and has_long_combining_run(decoded.decode(errors="replace")):
            raise InvalidRequest.field("query", f"It {TOO_MANY_COMBINING}.")
    for name, value in scope["headers"]:
        if len(value) > settings.max_header_bytes:
            raise _too_long(name[:50].decode("latin-1"), settings.max_header_bytes)


def _too_long(field: str, limit: int) -> InvalidRequest:
    return InvalidRequest.field(field, f"It has more than {limit} characters.")
