"""A request whose strings are bounded before FastAPI, pydantic or any other library looks at them."""

from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.types import Scope

from service_kit.problems import InvalidRequest
from service_kit.text import (
    MAX_STRING_CHARACTERS,
    TOO_MANY_COMBINING,
    check_text,
    has_long_combining_run,
    refuse_unbounded_text,
)

MAX_PATH_CHARACTERS = 2_048
# The longest list of filters, each character of it percent-encoded, is shorter.
MAX_QUERY_BYTES = 8_192
# Percent-encoded, the longest address and password have half of that. Its parser, in Python, takes
# 0.75 s for a megabyte of such characters, and nobody else is served meanwhile.
MAX_FORM_BYTES = 32_768
# Of one header: cookies and tokens are the longest.
MAX_HEADER_BYTES = 8_192


class BoundedRequest(Request):
    """Refuses a string of a JSON body or a form that is too long or stacks combining characters.

    What it raises while FastAPI reads the body reaches the client as it is (see handlers.py).
    """

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
        document = await super().json()
        body = await self.body()
        # Nearly every body is short ASCII without escapes, so that no string of it can be too much.
        # NUL is how UTF-16 gives itself away.
        is_plain = body.isascii() and b"\\u" not in body and b"\x00" not in body
        if not is_plain or len(body) > MAX_STRING_CHARACTERS:
            refuse_unbounded_text(document)
        return document

    async def _get_form(self, **limits: Any) -> FormData:
        if len(await self.body()) > MAX_FORM_BYTES:
            raise _too_long("body", MAX_FORM_BYTES)
        form = await super()._get_form(**limits)
        for name, value in form.multi_items():
            _check_form_text(name, "body")
            _check_form_text(value.filename or "" if isinstance(value, UploadFile) else value, name)
        return form


def _check_form_text(text: str, field: str) -> None:
    try:
        check_text(text)
    except ValueError as error:
        raise InvalidRequest.field(field[:50], f"It {error}.") from None


def refuse_unbounded_parts(scope: Scope) -> None:
    """Checks the address and the headers of a request. Raises InvalidRequest."""
    path: str = scope["path"]
    query: bytes = scope["query_string"]
    if len(path) > MAX_PATH_CHARACTERS:
        raise _too_long("path", MAX_PATH_CHARACTERS)
    if len(query) > MAX_QUERY_BYTES:
        raise _too_long("query", MAX_QUERY_BYTES)
    if not path.isascii() and has_long_combining_run(path):
        raise InvalidRequest.field("path", f"It {TOO_MANY_COMBINING}.")
    if b"%" in query:
        decoded = unquote_to_bytes(query)
        if not decoded.isascii() and has_long_combining_run(decoded.decode(errors="replace")):
            raise InvalidRequest.field("query", f"It {TOO_MANY_COMBINING}.")
    for name, value in scope["headers"]:
        if len(value) > MAX_HEADER_BYTES:
            raise _too_long(name[:50].decode("latin-1"), MAX_HEADER_BYTES)


def _too_long(field: str, limit: int) -> InvalidRequest:
    return InvalidRequest.field(field, f"It has more than {limit} characters.")
