"""Problem details for HTTP APIs (RFC 9457): one shape for every error, whoever raises it."""

import json
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, Field
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
# Characters of a field and of a message in ``detail``.
MAX_SHOWN = 200


class Problem(Exception):
    """An answer other than the one asked for. Subclasses are named for what happened.

    ``code`` is the last word of the problem's type and part of the API; ``detail`` is read by
    people and must hold nothing internal; ``members`` are added to the document as they stand.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(
        self, detail: str | None = None, *, headers: dict[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(self.code)
        self.detail = detail or self.title
        self.headers = headers or {}
        self.members = members

    def __init_subclass__(cls) -> None:
        # A narrower one of a code that is known says more in its title.
        PROBLEMS.setdefault(cls.code, cls)


PROBLEMS: dict[str, type[Problem]] = {}


class MalformedRequest(Problem):
    code, status, title = "malformed-request", 400, "The request cannot be read as HTTP."


class BadHost(Problem):
    code, status, title = "bad-host", 400, "This host is not served here."


class NotAuthenticated(Problem):
    code, status, title = "not-authenticated", 401, "Sign in first."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    code, status, title = "forbidden", 403, "You may not do this."


class CsrfFailed(Problem):
    code, status, title = "csrf-failed", 403, "The request does not come from the page you are on."


class NotFound(Problem):
    code, status, title = "not-found", 404, "There is nothing here that you may see."


class MethodNotAllowed(Problem):
    code, status, title = "method-not-allowed", 405, "This address does not take that method."


class RequestTimeout(Problem):
    code, status, title = (
        "request-timeout",
        408,
        "The request took too long to arrive; send it again.",
    )


class VersionMismatch(Problem):
    code, status, title = "version-mismatch", 412, "It was changed since you read it."


class TooLarge(Problem):
    code, status, title = "too-large", 413, "The request is too large."


class InvalidRequest(Problem):
    code, status, title = "invalid-request", 422, "The request has a mistake."

    def __init__(self, detail: str | None = None, *, errors: list[dict[str, str]]) -> None:
        super().__init__(detail or first_mistake(errors), errors=errors)

    @classmethod
    def field(cls, field: str, message: str) -> "InvalidRequest":
        return cls(errors=[{"field": field, "message": message}])

    @classmethod
    def not_json(cls, error: json.JSONDecodeError) -> "InvalidRequest":
        return cls.field("body", not_json(error.msg, error.pos))


def first_mistake(errors: list[dict[str, str]]) -> str | None:
    """For whoever shows ``detail`` only."""
    if not errors:
        return None
    field, message = errors[0]["field"][:MAX_SHOWN], errors[0]["message"][:MAX_SHOWN]
    first = f"{field}: {message}" if field else message
    more = len(errors) - 1
    if not more:
        return first
    return f"{first} ({more} more {'mistake is' if more == 1 else 'mistakes are'} in errors.)"


def not_json(message: str, position: int) -> str:
    """What a reader of JSON says of a text, as a sentence; ``position`` counts from 0."""
    what = message.partition(": ")[0].removesuffix(" at").removesuffix(":")
    return f"The body is not JSON: {what[:1].lower()}{what[1:]} at character {position + 1}."


class RateLimited(Problem):
    code, status, title = "rate-limited", 429, "Too many requests; wait a little."


class InternalError(Problem):
    code, status, title = "internal-error", 500, "Something went wrong on our side."


class Unavailable(Problem):
    code, status, title = "unavailable", 503, "Not available at the moment; try again."

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class FieldError(BaseModel):
    field: str
    message: str


class ProblemDocument(BaseModel):
    """The published form of every error."""

    type: str = Field(examples=["urn:problem:not-found"])
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldError] | None = None


def render(problem: Problem, request_id: str) -> Response:
    document = {
        "type": f"urn:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "request_id": request_id,
        **problem.members,
    }
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(orjson.dumps(document), problem.status, headers, MEDIA_TYPE)


def problem_responses(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The error responses of an operation for OpenAPI, by status.

    Use: ``@router.get(..., responses=problem_responses(NotFound))``.
    """
    documented: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        example = {
            "type": f"urn:problem:{problem.code}",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.title,
            "request_id": "0198c0de-0000-7000-8000-000000000000",
        }
        entry = documented.setdefault(
            problem.status,
            {"description": "", "content": {MEDIA_TYPE: {"schema": _SCHEMA, "examples": {}}}},
        )
        entry["description"] = f"{entry['description']} {problem.title}".strip()
        entry["content"][MEDIA_TYPE]["examples"][problem.code] = {"value": example}
    return documented


_SCHEMA = {"$ref": "#/components/schemas/ProblemDocument"}
