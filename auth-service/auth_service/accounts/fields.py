"""The types of what people send about themselves."""

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from auth_service.accounts.addresses import MAX_ADDRESS, read_address
from auth_service.accounts.passwords import MAX_CHARACTERS, MIN_CHARACTERS
from service_kit.text import as_is, check_text, line


def normal_address(value: str) -> str:
    """The form in which an address is stored and shown. Raises ValueError."""
    return read_address(value).shown


def _writable(value: str) -> str:
    check_text(value)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise ValueError("holds a control character")
    return value


EmailAddress = Annotated[
    str,
    StringConstraints(max_length=MAX_ADDRESS),
    AfterValidator(normal_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": MAX_ADDRESS}),
]
NewPassword = Annotated[
    str,
    Field(min_length=MIN_CHARACTERS, max_length=MAX_CHARACTERS),
    AfterValidator(check_text),
    AfterValidator(_writable),
]
# One that is only compared may be anything of that length.
Password = as_is(1024)
# As it is typed or pasted at sign-in, with what may stand around it.
TypedAddress = as_is(MAX_ADDRESS + 66)
FullName = line(200, min_length=0)
Locale = Literal["en", "ru"]
LinkToken = as_is(4096)
SearchedPart = line(100)
