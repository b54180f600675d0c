"""The types of what people send about themselves."""

import unicodedata
from typing import Annotated, Literal

import email_validator
from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from auth_service.accounts.passwords import MAX_CHARACTERS, MIN_CHARACTERS
from service_kit.text import line

MAX_EMAIL = 254


def normal_address(value: str) -> str:
    """The form in which an address is stored and looked up. Raises ValueError."""
    try:
        checked = email_validator.validate_email(value.strip(), check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        raise ValueError("is not an e-mail address") from error
    return checked.normalized.lower()


def _writable(value: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise ValueError("holds a control character")
    return value


EmailAddress = Annotated[
    str,
    StringConstraints(max_length=MAX_EMAIL),
    AfterValidator(normal_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": MAX_EMAIL}),
]
NewPassword = Annotated[
    str,
    Field(min_length=MIN_CHARACTERS, max_length=MAX_CHARACTERS),
    AfterValidator(_writable),
]
# One that is only compared may be anything.
Password = Annotated[str, Field(max_length=1024)]
FullName = line(200, min_length=0)
Locale = Literal["en", "ru"]
LinkToken = Annotated[str, Field(max_length=4096)]
