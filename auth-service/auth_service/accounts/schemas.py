from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi_users.schemas import BaseUserCreate
from pydantic import BaseModel, Field, StrictBool, field_validator, model_validator

from auth_service.examples import ID_EXAMPLE, example
from auth_service.identity.fields import (
    EmailAddress,
    FullName,
    LinkToken,
    Locale,
    NewPassword,
    Password,
)

MAX_CONTACTS = 100


class AccountCreate(BaseUserCreate):
    """fastapi-users' input for a new account."""

    full_name: str
    locale: str


class Registration(BaseModel):
    model_config = example(
        email="ann@example.com", password="a longish phrase", full_name="Ann Lee", locale="en"
    )

    email: EmailAddress
    password: NewPassword
    full_name: FullName = ""
    locale: Locale = "en"


class UserRead(BaseModel):
    model_config = example(
        id=ID_EXAMPLE,
        email="ann@example.com",
        full_name="Ann Lee",
        locale="en",
        is_verified=False,
        is_superuser=False,
    )

    id: UUID
    email: str
    full_name: str
    locale: Locale
    is_verified: bool
    is_superuser: bool


class Profile(UserRead):
    model_config = example(
        id=ID_EXAMPLE,
        email="ann@example.com",
        full_name="Ann Lee",
        locale="en",
        is_verified=True,
        is_superuser=False,
        is_active=True,
        pending_email=None,
        created_at="2026-11-23T19:00:00Z",
        updated_at="2026-11-23T19:00:00Z",
    )

    is_active: bool
    pending_email: str | None
    created_at: datetime
    updated_at: datetime


class Contact(BaseModel):
    """Recipient of a mail."""

    model_config = example(
        id=ID_EXAMPLE,
        email="ann@example.com",
        pending_email=None,
        full_name="Ann Lee",
        locale="en",
        is_active=True,
        is_verified=True,
    )

    id: UUID
    email: str
    pending_email: str | None
    full_name: str
    locale: Locale
    is_active: bool
    is_verified: bool


class UserIds(BaseModel):
    model_config = example(ids=[ID_EXAMPLE])

    ids: Annotated[list[UUID], Field(max_length=MAX_CONTACTS)]


class ContactList(BaseModel):
    """Ids without an account are left out."""

    contacts: list[Contact]


class Changes(BaseModel):
    """A field that is not sent stays as it is; none can be null. Read-only fields of an account are
    ignored, and unknown fields are refused, so that a typo is not silently ignored.
    """

    @model_validator(mode="before")
    @classmethod
    def refuse_unknown(cls, values: object) -> object:
        if isinstance(values, dict):
            known = {*cls.model_fields, *Profile.model_fields, "hashed_password"}
            unknown = [str(name)[:50] for name in values if name not in known]
            if unknown:
                raise ValueError(f"does not take {unknown[0]}")
        return values

    @field_validator("*", mode="before")
    @classmethod
    def refuse_null(cls, value: object) -> object:
        # Defaults are not validated, so a None here was sent.
        if value is None:
            raise ValueError("may not be null")
        return value


class ProfileChanges(Changes):
    model_config = example(full_name="Ann Lee", locale="ru")

    full_name: FullName | None = None
    locale: Locale | None = None
    email: EmailAddress | None = None
    password: NewPassword | None = None
    current_password: Password | None = None


class UserChanges(Changes):
    """What an administrator may change."""

    model_config = example(is_active=False)

    full_name: FullName | None = None
    locale: Locale | None = None
    is_active: StrictBool | None = None
    is_superuser: StrictBool | None = None
    is_verified: StrictBool | None = None


class Erasure(BaseModel):
    model_config = example(current_password="a longish phrase")

    current_password: Password = ""


class AddressForm(BaseModel):
    model_config = example(email="ann@example.com")

    email: EmailAddress


class VerificationForm(BaseModel):
    model_config = example(token="eyJhbGciOiJIUzI1NiIs...")

    token: LinkToken


class ResetForm(VerificationForm):
    model_config = example(token="eyJhbGciOiJIUzI1NiIs...", password="a longish phrase")

    password: NewPassword
