"""Runs a query. Errors are problems here too: a code, a status and a message without internals."""

from typing import Any

import orjson
import sentry_sdk
import structlog
from fastapi import Response
from graphql import GraphQLError
from strawberry.types import ExecutionResult

from event_service.graphql.context import Context
from event_service.graphql.problems import QueryTooLarge
from event_service.graphql.request import GraphQLRequest
from event_service.graphql.schema import schema
from service_kit.database.errors import means_bad_text, means_unavailable
from service_kit.problems import InternalError, InvalidRequest, Problem, Unavailable

log = structlog.get_logger()

# Some messages quote the query, which may be long.
MAX_MESSAGE_CHARACTERS = 500

# Arguments by their names in REST.
ARGUMENTS = {"cursor": "after", "starts_from": "startsFrom", "starts_to": "startsTo"}

Json = dict[str, Any]


async def execute_query(request: GraphQLRequest, context: Context) -> Response:
    result = await schema.execute(
        request.query,
        variable_values=request.variables,
        operation_name=request.operation_name,
        context_value=context,
    )
    for path, value in context.late_values:
        insert(result.data, path, value)
    body: Json = {"data": result.data}
    if result.errors:
        body["errors"] = describe_errors(
            result, has_suggestions=context.settings.allows_introspection
        )
    encoded = orjson.dumps(body)
    limit = context.settings.graphql_max_answer_bytes
    if len(encoded) > limit:
        raise QueryTooLarge(f"Its answer has more than {limit} bytes; ask for less at once.")
    return Response(encoded, headers={"Cache-Control": "no-store"}, media_type="application/json")


def insert(data: Any, path: list[str | int], value: Any) -> None:
    """Inserts a value that was made outside the executor, unless an error removed its place."""
    *before, last = path
    for step in before:
        if data is None:
            return
        data = data[step]
    if data is not None:
        data[last] = value


def describe_errors(result: ExecutionResult, *, has_suggestions: bool) -> list[Json]:
    """An exception of ours may fail many rows; it is reported once."""
    problems: dict[int, Problem | None] = {}
    described = []
    for error in result.errors or ():
        cause = error.original_error or error
        if id(cause) not in problems:
            problems[id(cause)] = problem_of(cause)
        described.append(describe(error, problems[id(cause)], has_suggestions=has_suggestions))
    return described


def problem_of(cause: Exception) -> Problem | None:
    """None for an error of the query itself, which the library describes."""
    if isinstance(cause, Problem):
        return cause
    if isinstance(cause, GraphQLError):
        return None
    if means_unavailable(cause):
        log.warning("database.unavailable", exc_info=cause)
        return Unavailable()
    if means_bad_text(cause):
        return InvalidRequest.field("", "A character cannot be stored.")
    log.error("graphql.crashed", exc_info=cause)
    sentry_sdk.capture_exception(cause)
    return InternalError()


def describe(error: GraphQLError, problem: Problem | None, *, has_suggestions: bool) -> Json:
    if problem is None:
        message = error.message if has_suggestions else error.message.partition(" Did you mean")[0]
        extensions: Json = {"code": InvalidRequest.code, "status": InvalidRequest.status}
    else:
        message = problem.detail
        extensions = {"code": problem.code, "status": problem.status, **problem.members}
    if "errors" in extensions:
        extensions["errors"] = [_with_argument_name(entry) for entry in extensions["errors"]]
    described: Json = {"message": message[:MAX_MESSAGE_CHARACTERS], "extensions": extensions}
    if error.locations:
        described["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path:
        described["path"] = list(error.path)
    return described


def _with_argument_name(entry: dict[str, str]) -> dict[str, str]:
    return entry | {"field": ARGUMENTS.get(entry["field"], entry["field"])}
