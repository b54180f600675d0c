from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, computed_field

from auth_service.examples import ID_EXAMPLE, example
from auth_service.identity.fields import RefreshTokenText
from auth_service.sessions.devices import read_user_agent


class TokenPair(BaseModel):
    model_config = example(
        access_token="eyJhbGciOiJFZERTQSIs...",
        token_type="bearer",
        expires_in=600,
        refresh_token="kR0y2Xw0mH0Gk1c3P8v5sQ9t7u6e4a2b1d0f8h6j4l2",
    )

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int
    refresh_token: str


class RefreshForm(BaseModel):
    model_config = example(refresh_token="kR0y2Xw0mH0Gk1c3P8v5sQ9t7u6e4a2b1d0f8h6j4l2")

    refresh_token: RefreshTokenText


class SessionRead(BaseModel):
    """Where somebody is signed in."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "example": {
                "id": ID_EXAMPLE,
                "kind": "browser",
                "created_at": "2026-11-23T19:00:00Z",
                "last_used_at": "2026-11-23T19:30:00Z",
                "expires_at": "2027-02-21T19:00:00Z",
                "address": "203.0.113.7",
                "user_agent": "Mozilla/5.0 (Android 14; Mobile; rv:136.0) Gecko/136.0 Firefox/136.0",
                "browser": "Firefox",
                "system": "Android",
                "is_current": True,
            }
        },
    )

    id: UUID
    kind: Literal["token", "browser"]
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str
    user_agent: str
    is_current: bool = False

    @computed_field(  # type: ignore[prop-decorator]  # mypy knows no decorated property
        description="What the user agent says it is, such as Firefox; null if it does not."
    )
    @property
    def browser(self) -> str | None:
        return read_user_agent(self.user_agent).browser

    @computed_field(  # type: ignore[prop-decorator]
        description="Such as Android; null if the user agent does not say it."
    )
    @property
    def system(self) -> str | None:
        return read_user_agent(self.user_agent).system
