from typing import Literal

from pydantic import BaseModel

from auth_service.examples import example


class ServiceToken(BaseModel):
    model_config = example(
        access_token="eyJhbGciOiJFZERTQSIs...",
        token_type="bearer",
        expires_in=600,
        scope="notifications:send users:contact",
    )

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int
    scope: str
