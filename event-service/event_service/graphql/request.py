"""The body of a query."""

from typing import Annotated, Any

import orjson
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect

from service_kit.problems import InvalidRequest
from service_kit.text import refuse_unbounded_text
from service_kit.web.requests import BoundedRequest

MEDIA_TYPE = "application/json"


class GraphQLRequest(BaseModel):
    """One query with its variables: no batches, no uploads."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "query": 'query Next($first: Int!) { events(first: $first, city: "Berlin")'
                    " { items { id title startsAt availability { available } } nextCursor } }",
                    "variables": {"first": 10},
                }
            ]
        }
    )

    # limits.py applies the setting, and answers in GraphQL's form.
    query: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    variables: dict[str, Any] | None = None
    operation_name: Annotated[str | None, Field(alias="operationName", max_length=200)] = None


async def read_request(request: Request) -> GraphQLRequest:
    """Read here and not by FastAPI, which would validate the body before the token. Other media types are
    refused because pages of other origins can send them without a preflight request."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise InvalidRequest.field("Content-Type", f"It must be {MEDIA_TYPE}.")
    try:
        # The route's class of request, which limits the body.
        assert isinstance(request, BoundedRequest)
        document = orjson.loads(await request.bounded_body())
    except orjson.JSONDecodeError as error:
        raise InvalidRequest.not_json(error) from None
    except ClientDisconnect:
        raise InvalidRequest.field("body", "It did not arrive.") from None
    if isinstance(document, dict):
        refuse_unbounded_text({name: part for name, part in document.items() if name != "query"})
    try:
        return GraphQLRequest.model_validate(document)
    except ValidationError as error:
        raise RequestValidationError(
            [{**entry, "loc": ("body", *entry["loc"])} for entry in error.errors()]
        ) from None


GraphQLRequestDep = Annotated[GraphQLRequest, Depends(read_request)]

REQUEST_BODY = {
    "required": True,
    "content": {MEDIA_TYPE: {"schema": GraphQLRequest.model_json_schema()}},
}
