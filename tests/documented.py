"""Whoever answers a refusal that the route's document does not name is found by the test that meets it."""

import re
from collections.abc import Awaitable, Callable
from functools import lru_cache

import httpx
from fastapi import FastAPI

PROBLEM = "application/problem+json"
Operations = list[tuple[re.Pattern[str], str, set[str]]]


@lru_cache(maxsize=8)
def _operations(app: FastAPI) -> Operations:
    """Of each operation a pattern of its paths, the method, and the codes of its problems. Paths without
    parameters come first."""
    operations: Operations = []
    paths = app.openapi()["paths"]
    for path in sorted(paths, key=lambda path: path.count("{")):
        pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
        for method, operation in paths[path].items():
            codes = {
                code
                for answer in operation["responses"].values()
                for code in answer.get("content", {}).get(PROBLEM, {}).get("examples", {})
            }
            operations.append((pattern, method.upper(), codes))
    return operations


def refuses_as_documented(app: FastAPI) -> Callable[[httpx.Response], Awaitable[None]]:
    """A hook of httpx for responses."""

    async def check(response: httpx.Response) -> None:
        if not response.headers.get("content-type", "").startswith(PROBLEM):
            return
        await response.aread()
        code = response.json()["type"].removeprefix("urn:problem:")
        request = response.request
        for pattern, method, codes in _operations(app):
            if method == request.method and pattern.fullmatch(request.url.path):
                assert code in codes, f"{method} {request.url.path} does not document {code}"
                return

    return check
