"""What the list is measured against: the same bytes from a bare FastAPI endpoint with the same query
parameters, and the stock decorator of fastapi-cache2 on the same data."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import orjson
import uvicorn
from fastapi import Depends, FastAPI, Query, Response
from fastapi_cache import FastAPICache
from fastapi_cache.backends.redis import RedisBackend
from fastapi_cache.decorator import cache
from redis.asyncio import Redis

from event_service.events.schemas import EventPublic, EventQuery
from service_kit.web.paging import Page, Paging

_page: dict[str, Any] = {"body": b"{}", "document": {"items": [], "next_cursor": None}}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    redis = Redis.from_url(os.environ["CACHE_REDIS_URL"])
    FastAPICache.init(RedisBackend(redis), prefix="stock")
    yield
    await redis.aclose()


app = FastAPI(lifespan=lifespan)


@app.put("/page")
async def set_page(page: Page[EventPublic]) -> None:
    _page["body"] = page.model_dump_json().encode()
    _page["document"] = orjson.loads(_page["body"])


@app.get("/constant")
async def constant(
    query: Annotated[EventQuery, Query()], paging: Annotated[Paging, Depends()]
) -> Response:
    return Response(_page["body"], media_type="application/json")


@app.get("/stock")
@cache(expire=300)
async def stock(
    q: str | None = None, city: str | None = None, limit: int = 20
) -> Page[EventPublic]:
    return Page[EventPublic].model_validate(_page["document"])


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), access_log=False, log_level="warning")
