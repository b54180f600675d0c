"""Turns whatever is raised into a problem document (RFC 9457)."""

import time
from copy import deepcopy
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic.json_schema import models_json_schema
from slowapi.errors import RateLimitExceeded
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service_kit import problems
from service_kit.database.errors import DATABASE_ERRORS, means_bad_text, means_unavailable
from service_kit.metrics import RATE_LIMIT_REFUSALS
from service_kit.web.auth import policy_problems
from service_kit.web.methods import allowed_methods
from service_kit.web.rate_limits import limit_name

log = structlog.get_logger()

_BY_STATUS: dict[int, type[problems.Problem]] = {
    401: problems.NotAuthenticated,
    403: problems.Forbidden,
    404: problems.NotFound,
    405: problems.MethodNotAllowed,
    408: problems.RequestTimeout,
    413: problems.TooLarge,
    503: problems.Unavailable,
}


def add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(problems.Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(RateLimitExceeded, _on_rate_limit)
    for error in DATABASE_ERRORS:
        app.add_exception_handler(error, _on_database_error)


def _answer(request: Request, problem: problems.Problem) -> Response:
    return problems.render(problem, request.state.request_id)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, problems.Problem)
    return _answer(request, error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """For what Starlette and libraries raise; their words stay here, their headers go along."""
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, problems.Problem):
        # FastAPI wraps what is raised while it reads a body.
        return _answer(request, error.__cause__)
    problem_class = _BY_STATUS.get(error.status_code)
    if problem_class is not None:
        problem = problem_class()
        problem.headers.update(error.headers or {})
        if problem_class is problems.MethodNotAllowed:
            methods = allowed_methods(request.app.routes, request.scope)
            problem.headers["Allow"] = ", ".join(methods)
        return _answer(request, problem)
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _answer(request, problems.InternalError())
    # Most often 400: a body that is not JSON, or nested beyond reason.
    return _answer(
        request, problems.InvalidRequest.field("body", "It cannot be read: send JSON in UTF-8.")
    )


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [_mistake(entry) for entry in error.errors()]
    return _answer(request, problems.InvalidRequest(errors=errors))


def _mistake(entry: dict[str, Any]) -> dict[str, str]:
    if entry["type"] == "json_invalid":
        place, position = entry["loc"]
        message = problems.not_json(entry["ctx"]["error"], position)
        return {"field": str(place), "message": message}
    return {
        # The first part says body, query or path; only people who read code care.
        "field": ".".join(str(part) for part in entry["loc"][1:]) or str(entry["loc"][0]),
        "message": entry["msg"].removeprefix("Value error, "),
    }


async def _on_rate_limit(request: Request, error: Exception) -> Response:
    assert isinstance(error, RateLimitExceeded)
    RATE_LIMIT_REFUSALS.labels(limit_name(request)).inc()
    resets_at = int(request.state.response_headers.get("X-RateLimit-Reset", "0"))
    seconds = max(1, resets_at - int(time.time()))
    problem = problems.RateLimited(
        f"Too many requests; try again in {seconds} s.", headers={"Retry-After": str(seconds)}
    )
    return _answer(request, problem)


async def _on_database_error(request: Request, error: Exception) -> Response:
    if means_unavailable(error):
        log.warning("database.unavailable", exc_info=error)
        return _answer(request, problems.Unavailable())
    if means_bad_text(error):
        return _answer(request, problems.InvalidRequest.field("", "A character cannot be stored."))
    raise error


def publish_problems(app: FastAPI) -> None:
    """Puts the problem document into OpenAPI, in place of FastAPI's own form of 422."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            _, published = models_json_schema(
                [(problems.ProblemDocument, "serialization")],
                ref_template="#/components/schemas/{model}",
            )
            schemas.update(published["$defs"])
            for context in iter_route_contexts(app.routes):
                operations = document["paths"].get(context.path_format, {})
                for method in context.methods or ():
                    if operation := operations.get(method.lower()):
                        policy = policy_problems(context.dependant, method)
                        _add_common_answers(operation, policy)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI documents this way


def _add_common_answers(operation: dict[str, Any], policy: list[type[problems.Problem]]) -> None:
    body = [problems.RequestTimeout, problems.TooLarge] if "requestBody" in operation else []
    answers = operation["responses"]
    if problems.MEDIA_TYPE not in answers.get("422", {}).get("content", {}):
        # FastAPI's own, which nobody answers.
        answers.pop("422", None)
    common = problems.problem_responses(
        *policy,
        *body,
        problems.InvalidRequest,
        problems.RateLimited,
        problems.InternalError,
        problems.Unavailable,
    )
    for status, answer in common.items():
        # Routes may share what they are documented with.
        present = deepcopy(answers.get(str(status), answer))
        examples = present["content"][problems.MEDIA_TYPE]["examples"]
        for code, example in answer["content"][problems.MEDIA_TYPE]["examples"].items():
            if code not in examples:
                examples[code] = example
                present["description"] += f" {example['value']['title']}"
        answers[str(status)] = present
