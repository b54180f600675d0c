from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from auth_service.examples import ID_EXAMPLE, example
from auth_service.identity.fields import EmailAddress


class LinkForm(BaseModel):
    """``email`` is the recipient of the mail, from the contact. Without it a token is made only if the
    account has a single address to verify."""

    model_config = example(user_id=ID_EXAMPLE, kind="verify-email", email="ann@example.com")

    user_id: UUID
    kind: Literal["verify-email", "reset-password"]
    email: EmailAddress | None = None


class LinkRead(BaseModel):
    model_config = example(token="eyJhbGciOiJIUzI1NiIs...", expires_at="2026-11-24T19:00:00Z")

    token: str
    expires_at: datetime
