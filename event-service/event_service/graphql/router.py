"""``/api/v1/graphql``"""

from typing import Any

from fastapi import Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from event_service.graphql import graphiql
from event_service.graphql.context import ContextDep
from event_service.graphql.execution import execute_query
from event_service.graphql.request import REQUEST_BODY, GraphQLRequestDep
from service_kit.problems import CsrfFailed, NotAuthenticated, TooLarge, problem_responses
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/graphql", tags=["graphql"])
# Included in development only.
page_router = Router(prefix="/api/v1/graphql", tags=["graphql"])


class GraphQLAnswer(BaseModel):
    """Each of ``errors`` has ``extensions`` with the ``code`` and ``status`` of a problem of REST."""

    data: dict[str, Any] | None
    errors: list[dict[str, Any]] | None = None


@router.post(
    "",
    response_model=GraphQLAnswer,
    summary="Read events and one's own bookings with a GraphQL query",
    responses=problem_responses(NotAuthenticated, CsrfFailed, TooLarge),
    openapi_extra={"requestBody": REQUEST_BODY},
)
@limited("graphql")
async def run_query(context: ContextDep, request: GraphQLRequestDep) -> Response:
    return await execute_query(request, context)


@page_router.get(
    "", response_class=HTMLResponse, summary="A page to try queries, in development only"
)
@limited("static")
async def show_graphiql() -> HTMLResponse:
    headers = {"Content-Security-Policy": graphiql.content_security_policy()}
    return HTMLResponse(graphiql.page(), headers=headers)
