"""The cache: stored bytes under keys that hold the versions of their tags.

A change bumps its tags; what was stored under the old versions is never asked for again, so nothing
has to be found and deleted, and a reader that was overtaken stores where nobody looks. Redis only
accelerates: when it is away every page is computed.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from functools import partial
from typing import Any, Protocol
from uuid import UUID

import redis.asyncio
from fastapi_cache.coder import Coder
from fastapi_cache.types import Backend
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.models import StaleTag
from event_service.page_store import UNCACHEABLE, Page, PageStore
from service_kit.database.engine import after_commit
from service_kit.ids import new_id
from service_kit.redis_clients import AcceleratorRedis

TAG_PREFIX = "event-service"
EVENT_LIST_TAG = "events"
VERSION_SECONDS = 86_400


def event_tag(event_id: UUID) -> str:
    return f"event:{event_id}"


class TagVersions:
    """What version each tag is at. One question to Redis serves all that wait in a loop's turn."""

    def __init__(self, redis: AcceleratorRedis, *, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        # Whether a tag that has no version gets one.
        self._waiting: dict[str, bool] = {}
        self._answer: asyncio.Future[dict[str, str]] | None = None

    async def read(self, tags: tuple[str, ...], *, begin: bool = True) -> str | None:
        """The versions as one word, or None while Redis is away. Without ``begin`` also if one of them
        has none: anybody can ask for ids that nothing has, and Redis must not keep a tag for each.

        The question is asked after the caller came, so that a change that was committed before is
        always seen.
        """
        for tag in tags:
            self._waiting[tag] = begin or self._waiting.get(tag, False)
        if self._answer is None:
            loop = asyncio.get_running_loop()
            self._answer = loop.create_future()
            loop.call_soon(self._ask)
        versions = await asyncio.shield(self._answer)
        if any(tag not in versions for tag in tags):
            return None
        return ".".join(versions[tag] for tag in tags)

    def _ask(self) -> None:
        tags, answer = self._waiting, self._answer
        self._waiting, self._answer = {}, None
        assert answer is not None
        task = asyncio.ensure_future(self._fetch(tags))
        task.add_done_callback(lambda done: _pass_on(done, answer))

    async def _fetch(self, tags: dict[str, bool]) -> dict[str, str]:
        keys = [self._key(tag) for tag in tags]
        found = await self._redis.attempt(lambda client: client.mget(keys))
        if found is None:
            return {}
        versions = {t: _text(v) for t, v in zip(tags, found, strict=True) if v is not None}
        for tag, begin in tags.items():
            if begin and tag not in versions:
                made = await self._redis.attempt(partial(self._begin, tag))
                if made:
                    versions[tag] = made
        return versions

    async def begin(self, tags: tuple[str, ...]) -> None:
        """Gives those of the tags a version that have none, so that pages can be kept under it."""
        for tag in tags:
            await self._redis.attempt(partial(self._begin, tag))

    async def _begin(self, tag: str, client: redis.asyncio.Redis) -> str:
        """A version for a tag that has none. Random, because a counter that began again after a
        flush would name pages that processes still keep."""
        version = new_id().hex[-12:]
        await client.set(self._key(tag), version, nx=True, ex=VERSION_SECONDS)
        stored = await client.get(self._key(tag))
        return _text(stored) if stored else version

    async def bump(self, tags: list[str]) -> bool:
        """Makes all that was stored under the tags unreachable; False if Redis was not told."""

        async def tell(client: redis.asyncio.Redis) -> bool:
            pipe = client.pipeline(transaction=False)
            for tag in tags:
                pipe.set(self._key(tag), new_id().hex[-12:], ex=VERSION_SECONDS)
            await pipe.execute()
            return True

        return bool(await self._redis.attempt(tell))

    def _key(self, tag: str) -> str:
        return f"{self._prefix}:tag:{tag}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _pass_on(
    done: "asyncio.Task[dict[str, str]]", answer: "asyncio.Future[dict[str, str]]"
) -> None:
    if not answer.done():
        error = None if done.cancelled() else done.exception()
        answer.set_result({} if done.cancelled() or error else done.result())


class StoreOfSource(Backend):
    """fastapi-cache2's backend, of which there is one in a process: it passes on to the store of
    the application that asks."""

    async def get_with_ttl(self, key: str) -> tuple[int, bytes | None]:
        return 0, await self.get(key)

    async def get(self, key: str) -> bytes | None:
        return await _in_use.get().store.get(key)

    async def set(self, key: str, value: bytes, expire: int | None = None) -> None:
        await _in_use.get().store.set(key, value, expire)

    async def clear(self, namespace: str | None = None, key: str | None = None) -> int:
        """Clears nothing: tags are bumped instead."""
        return 0


class BytesCoder(Coder):
    """What is stored is what is sent."""

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


class CacheSource(Protocol):
    """What a cached function is given first: where its pages are stored and versions are known."""

    store: PageStore
    tag_versions: TagVersions


_in_use: ContextVar[CacheSource] = ContextVar("cache_source")
_key_in_use: ContextVar[str] = ContextVar("cache_key", default=UNCACHEABLE)


def tagged(
    tags_of: Callable[..., tuple[str, ...]], *, begin: bool = True
) -> Callable[..., Awaitable[str]]:
    """A key builder for ``@cache``: what is asked for, and the versions of ``tags_of(...)``. Without
    ``begin`` nothing is kept of a tag without a version; see ``TagVersions.read``.

    The versions are read before anything else is, so that what is computed from older rows goes
    under an older key. The decorated function takes ``(source, query)``; see ``single_flight``.
    """

    async def build(
        func: Callable[..., Any], namespace: str = "", *, args: tuple[Any, ...], **_: Any
    ) -> str:
        source: CacheSource = args[0]
        query = args[1:]
        _in_use.set(source)
        versions = await source.tag_versions.read(tags_of(*query), begin=begin)
        asked = f"{func.__name__}:{hashlib.sha256(repr(query).encode()).hexdigest()[:32]}"
        key = f"{UNCACHEABLE}{asked}" if versions is None else f"{namespace}:{asked}:{versions}"
        _key_in_use.set(key)
        return key

    return build


def is_cacheable() -> bool:
    """Whether the page that is asked for has a key that names versions."""
    return not _key_in_use.get().startswith(UNCACHEABLE)


async def single_flight(compute: Callable[[], Coroutine[Any, Any, Page]]) -> Page:
    """One computation per key at a time in a process: those who wait get the same bytes."""
    key = _key_in_use.get()
    store = _in_use.get().store
    if key.startswith(UNCACHEABLE):
        shared = await store.without_versions.share(key, compute)
        assert isinstance(shared, Page)
        return shared
    kept = store.kept(key)
    if kept is not None:
        # Made while this one asked Redis.
        return kept
    flight = store.flights.get(key)
    if flight is None:

        async def make() -> Page:
            value = await compute()
            store.keep(key, value)
            return value

        flight = asyncio.ensure_future(make())
        store.flights[key] = flight
        flight.add_done_callback(lambda _: store.flights.pop(key, None))
    # Whoever goes away must not take the others' answer along.
    return await asyncio.shield(flight)


async def touch_event(session: AsyncSession, event_id: UUID) -> None:
    """Makes what is cached of an event stale: at once after the commit, and again by the sweeper,
    for the case that Redis or this process goes away in between."""
    stale = [EVENT_LIST_TAG, event_tag(event_id)]
    session.add_all([StaleTag(tag=tag) for tag in stale])
    await session.flush()
    versions: TagVersions | None = session.info.get("tag_versions")
    if versions is not None:

        async def bump() -> None:
            await versions.bump(stale)

        after_commit(session, bump)
