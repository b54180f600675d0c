"""The cache: pages under keys that contain the versions of their tags.

A change bumps its tags. Pages under old versions are never read again: nothing has to be found and
deleted, and a reader that was overtaken by a change stores under an old key. Redis only accelerates:
while it is unavailable every page is computed.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any
from uuid import UUID

import redis.asyncio
from fastapi_cache.coder import Coder
from fastapi_cache.types import Backend
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.models import StaleTag
from event_service.page_store import Page, PageKey, PageStore
from event_service.single_flight import SingleFlight
from service_kit.database.engine import Database, after_commit
from service_kit.ids import new_id
from service_kit.redis_clients import AcceleratorRedis

TAG_PREFIX = "event-service"
EVENT_LIST_TAG = "events"
# Of all events together: a booking, which changes the list, leaves them as they are.
FACETS_TAG = "facets"
# Nothing changes it: a sitemap is as old as the cache lets pages become.
SITEMAP_TAG = "sitemap"
VERSION_SECONDS = 86_400


def event_tag(event_id: UUID) -> str:
    return f"event:{event_id}"


class TagVersions:
    """The version of each tag. Reads within one turn of the event loop share one request to Redis."""

    def __init__(self, redis: AcceleratorRedis, *, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        # The tags of the next request, and whether a tag without a version gets one.
        self._pending: dict[str, bool] = {}
        self._answer: asyncio.Future[dict[str, str]] | None = None

    async def read(self, tags: tuple[str, ...], *, create_missing: bool = True) -> str | None:
        """The versions in one string, or None while Redis is unavailable.

        Without ``create_missing`` also None if a tag has no version: anybody can ask for ids that do
        not exist, and Redis must not store a tag for each. The request is sent after the call, so that
        the versions of all earlier commits are seen.
        """
        for tag in tags:
            self._pending[tag] = create_missing or self._pending.get(tag, False)
        if self._answer is None:
            loop = asyncio.get_running_loop()
            self._answer = loop.create_future()
            loop.call_soon(self._send)
        versions = await asyncio.shield(self._answer)
        if any(tag not in versions for tag in tags):
            return None
        return ".".join(versions[tag] for tag in tags)

    def _send(self) -> None:
        tags, answer = self._pending, self._answer
        self._pending, self._answer = {}, None
        assert answer is not None
        task = asyncio.ensure_future(self._fetch(tags))
        task.add_done_callback(lambda done: _resolve(done, answer))

    async def _fetch(self, tags: dict[str, bool]) -> dict[str, str]:
        keys = [self._key(tag) for tag in tags]
        values = await self._redis.attempt(lambda client: client.mget(keys))
        if values is None:
            return {}
        versions = {t: _text(v) for t, v in zip(tags, values, strict=True) if v is not None}
        for tag, create_missing in tags.items():
            if create_missing and tag not in versions:
                version = await self._redis.attempt(partial(self._create, tag))
                if version:
                    versions[tag] = version
        return versions

    async def create_missing(self, tags: tuple[str, ...]) -> None:
        """Gives a version to each tag without one, so that its pages can be stored."""
        for tag in tags:
            await self._redis.attempt(partial(self._create, tag))

    async def _create(self, tag: str, client: redis.asyncio.Redis) -> str:
        """A version for a tag without one. It is random: a counter that starts again after a flush would
        name pages that processes still have."""
        version = new_id().hex[-12:]
        await client.set(self._key(tag), version, nx=True, ex=VERSION_SECONDS)
        stored = await client.get(self._key(tag))
        return _text(stored) if stored else version

    async def bump(self, tags: list[str]) -> bool:
        """Makes all pages under the tags unreachable. Returns False if Redis is unavailable."""

        async def set_all(client: redis.asyncio.Redis) -> bool:
            pipe = client.pipeline(transaction=False)
            for tag in tags:
                pipe.set(self._key(tag), new_id().hex[-12:], ex=VERSION_SECONDS)
            await pipe.execute()
            return True

        return bool(await self._redis.attempt(set_all))

    def _key(self, tag: str) -> str:
        return f"{self._prefix}:tag:{tag}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _resolve(
    done: "asyncio.Task[dict[str, str]]", answer: "asyncio.Future[dict[str, str]]"
) -> None:
    if not answer.done():
        error = None if done.cancelled() else done.exception()
        answer.set_result({} if done.cancelled() or error else done.result())


class StoreBackend(Backend):
    """fastapi-cache2's backend; each key brings the store of its application along."""

    async def get_with_ttl(self, key: str) -> tuple[int, bytes | None]:
        return 0, await self.get(key)

    async def get(self, key: str) -> bytes | None:
        assert isinstance(key, PageKey)
        return await key.store.get(key) if key.is_versioned else None

    async def set(self, key: str, value: bytes, expire: int | None = None) -> None:
        """``expire`` is not used: a page has its own age, which the setting of the same name limits."""
        assert isinstance(key, PageKey) and isinstance(value, Page)
        if key.is_versioned:
            await key.store.set(key, value)

    async def clear(self, namespace: str | None = None, key: str | None = None) -> int:
        """Clears nothing: a change bumps tags instead."""
        return 0


class BytesCoder(Coder):
    """Pages are stored as the bytes that are sent."""

    @classmethod
    def encode(cls, value: Any) -> bytes:
        assert isinstance(value, bytes)
        return value

    @classmethod
    def decode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode_as_type(cls, value: bytes, *, type_: Any) -> Any:
        return value


class CacheContext:
    """The first argument of a cached function: the parts of its application, and the key of this call,
    which the key builder sets."""

    key: PageKey

    def __init__(
        self,
        database: Database,
        store: PageStore,
        tag_versions: TagVersions,
        flights: SingleFlight[Page],
    ) -> None:
        self.database = database
        self.store = store
        self.tag_versions = tag_versions
        self._flights = flights

    async def compute_once(self, compute: Callable[[], Coroutine[Any, Any, Page]]) -> Page:
        """Runs ``compute`` once for all concurrent calls with the same key."""
        key = self.key
        if not key.is_versioned:
            return await self._flights.join_next(key, compute)
        # Another call may have computed it while this one asked Redis.
        return self.store.find_local(key) or await self._flights.join(
            key, lambda: self._compute(key, compute)
        )

    async def _compute(
        self, key: PageKey, compute: Callable[[], Coroutine[Any, Any, Page]]
    ) -> Page:
        page = await compute()
        self.store.add_local(key, page)
        return page


def versioned_key(
    tags_of: Callable[..., tuple[str, ...]], *, create_missing: bool = True
) -> Callable[..., Awaitable[str]]:
    """The key builder for ``@cache`` on functions of a CacheContext and a query: the query, and the
    versions of the tags ``tags_of(*query)``. For ``create_missing`` see ``TagVersions.read``.

    The versions are read before the rows, so that a page of older rows is stored under an older key.
    """

    async def build(
        func: Callable[..., Any], namespace: str = "", *, args: tuple[Any, ...], **_: Any
    ) -> str:
        context: CacheContext = args[0]
        query = args[1:]
        versions = await context.tag_versions.read(tags_of(*query), create_missing=create_missing)
        digest = hashlib.sha256(repr(query).encode()).hexdigest()[:32]
        context.key = PageKey.make(
            f"{namespace}:{func.__name__}:{digest}:{versions}",
            context.store,
            is_versioned=versions is not None,
        )
        return context.key

    return build


async def touch_event(session: AsyncSession, event_id: UUID) -> None:
    """Makes the cached pages of an event stale: after the commit, and again by the sweeper in case that
    Redis or this process fails in between."""
    stale = [EVENT_LIST_TAG, FACETS_TAG, event_tag(event_id)]
    session.add_all([StaleTag(tag=tag) for tag in stale])
    await session.flush()
    versions: TagVersions | None = session.info.get("tag_versions")
    if versions is not None:

        async def bump() -> None:
            await versions.bump(stale)

        after_commit(session, bump)
