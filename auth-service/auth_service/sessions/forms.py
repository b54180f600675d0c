"""The body of a refresh: JSON, or a form as OAuth 2 clients send it."""

import json
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from auth_service.sessions.schemas import RefreshForm
from service_kit.problems import InvalidRequest

FORM = "application/x-www-form-urlencoded"
_SCHEMA = {
    "type": "object",
    "required": ["refresh_token"],
    "properties": {"refresh_token": {"type": "string", "maxLength": 200}},
}
REFRESH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": _SCHEMA,
                "example": {"refresh_token": "kR0y2Xw0mH0Gk1c3P8v5sQ9t7u6e4a2b1d0f8h6j4l2"},
            },
            FORM: {"schema": _SCHEMA},
        },
    }
}


async def read_refresh_form(request: Request) -> RefreshForm:
    """Raises RequestValidationError or InvalidRequest."""
    try:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM:
            sent: Any = dict(await request.form(max_fields=20))
        else:
            sent = await request.json()
    except json.JSONDecodeError as error:
        raise InvalidRequest.not_json(error) from None
    except (ValueError, RecursionError):
        raise InvalidRequest.field("body", "It cannot be read: send JSON in UTF-8.") from None
    try:
        return RefreshForm.model_validate(sent)
    except ValidationError as error:
        errors = [{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()]
        raise RequestValidationError(errors) from None


RefreshBody = Annotated[RefreshForm, Depends(read_refresh_form)]
