"""``/api/v1/graphql``"""

from typing import Any

from fastapi import Response
from pydantic import BaseModel

from event_service.deps import SettingsDep
from event_service.graphql import graphiql
from event_service.graphql.answer import answer
from event_service.graphql.context import ContextDep
from event_service.graphql.request import REQUEST_BODY, AskedDep
from service_kit.admission import Router
from service_kit.problems import CsrfFailed, MethodNotAllowed, NotAuthenticated, TooLarge, answers
from service_kit.rate_limits import limited

router = Router(prefix="/api/v1/graphql", tags=["graphql"])


class GraphQLAnswer(BaseModel):
    """``errors`` have ``extensions`` with ``code`` and ``status``, as the problems of REST."""

    data: dict[str, Any] | None
    errors: list[dict[str, Any]] | None = None


@router.post(
    "",
    response_model=GraphQLAnswer,
    summary="Read events and one's own bookings with a GraphQL query",
    responses=answers(NotAuthenticated, CsrfFailed, TooLarge),
    openapi_extra={"requestBody": REQUEST_BODY},
)
@limited("graphql")
async def run_query(context: ContextDep, asked: AskedDep) -> Response:
    return await answer(asked, context)


@router.get("", include_in_schema=False)
@limited("static")
async def show_graphiql(settings: SettingsDep) -> Response:
    if not settings.is_development:
        raise MethodNotAllowed(headers={"Allow": "POST"})
    headers = {"Content-Security-Policy": graphiql.content_security_policy()}
    return Response(graphiql.page(), headers=headers, media_type="text/html")
