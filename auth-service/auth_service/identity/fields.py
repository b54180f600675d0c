"""Field types of request bodies about accounts."""

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from auth_service.addresses import MAX_ADDRESS, parse_address
from auth_service.identity.passwords import MAX_CHARACTERS, MIN_CHARACTERS
from service_kit.text import Line, Opaque, check_text


def normalize_address(value: str) -> str:
    """The form in which an address is stored and shown. Raises ValueError."""
    return parse_address(value).display


def _refuse_control_characters(value: str) -> str:
    check_text(value)
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise ValueError("holds a control character")
    return value


EmailAddress = Annotated[
    str,
    StringConstraints(max_length=MAX_ADDRESS),
    AfterValidator(normalize_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": MAX_ADDRESS}),
]
NewPassword = Annotated[
    str,
    Field(min_length=MIN_CHARACTERS, max_length=MAX_CHARACTERS),
    AfterValidator(check_text),
    AfterValidator(_refuse_control_characters),
]
# For a password that is only compared, not set.
Password = Annotated[str, Opaque(1024)]
# At sign-in, with spaces or brackets that were pasted around it.
TypedAddress = Annotated[str, Opaque(MAX_ADDRESS + 66)]
FullName = Annotated[str, Line(200, min_length=0)]
Locale = Literal["en", "ru"]
LinkToken = Annotated[str, Opaque(4096)]
RefreshTokenText = Annotated[str, Opaque(200)]
SearchTerm = Annotated[str, Line(100)]
