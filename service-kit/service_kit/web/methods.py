"""Which methods an address takes: the ``Allow`` header of a 405 names all of them (RFC 9110, 15.5.6).

The framework names those of the first route that matches the path. Several routes may share one:
each method has a route of its own, and a path with parameters also matches what another route spells
out. A path that is spelled out comes first, whatever the method (OpenAPI 3.1, 4.8.8): ``GET
/users/contacts`` is no request for a user whose id is ``contacts``.
"""

from collections.abc import Sequence
from functools import cached_property

from fastapi.routing import RouteContext, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send


def allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """The methods that the path of a request takes, sorted; none where nothing matches it."""
    matching = [
        context
        for context in iter_route_contexts(routes)
        if context.methods and context.matches(scope)[0] is not Match.NONE
    ]
    spelled_out = [context for context in matching if _is_spelled_out(context)]
    return sorted(
        {method for context in spelled_out or matching for method in context.methods or ()}
    )


def methods_and_paths(routes: Sequence[BaseRoute]) -> list[tuple[str, str]]:
    """Of all routes, as logs and metrics name them."""
    return [
        (method, context.path)
        for context in iter_route_contexts(routes)
        if context.path
        for method in sorted(context.methods or ())
    ]


def _is_spelled_out(context: RouteContext) -> bool:
    return "{" not in (context.path or "{")


class SpelledOutPaths(BaseRoute):
    """Stands before all other routes, and refuses a method that a path without parameters does not take,
    before a route with parameters takes a word of that path for an id.

    The routes are read at the first request; none may be added after it.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = routes

    @cached_property
    def _contexts(self) -> dict[str, list[RouteContext]]:
        contexts: dict[str, list[RouteContext]] = {}
        for context in iter_route_contexts(self._routes):
            if context.methods and _is_spelled_out(context):
                contexts.setdefault(context.path or "", []).append(context)
        return contexts

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        contexts = self._contexts.get(scope["path"]) if scope["type"] == "http" else None
        if not contexts or any(scope["method"] in (c.methods or ()) for c in contexts):
            return Match.NONE, {}
        # Logs and metrics name the route.
        return Match.FULL, {"route": contexts[0].original_route}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise HTTPException(405)
