"""The cache: stored bytes under keys that hold the versions of their tags.

A change bumps its tags; what was stored under the old versions is never asked for again, so nothing
has to be found and deleted, and a reader that was overtaken stores where nobody looks. Redis only
accelerates: when it is away every page is computed.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, Protocol
from uuid import UUID

import redis.asyncio
from fastapi_cache.coder import Coder
from fastapi_cache.types import Backend
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.departures import Compute, Departures
from event_service.models import StaleTag
from service_kit.database import after_commit
from service_kit.ids import new_id
from service_kit.redis_clients import AcceleratorRedis

TAG_PREFIX = "event-service"
EVENT_LIST_TAG = "events"
VERSION_SECONDS = 86_400
# Some hundred pages; the others are in Redis, and this much stands in each process.
BYTES_KEPT_IN_PROCESS = 8 * 1_048_576

# How the key of a page begins whose versions nobody can tell at the moment.
UNCACHEABLE = "-:"


def event_tag(event_id: UUID) -> str:
    return f"event:{event_id}"


class TagVersions:
    """What version each tag is at. One question to Redis serves all that wait in a loop's turn."""

    def __init__(self, redis: AcceleratorRedis, *, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._waiting: dict[str, None] = {}
        self._answer: asyncio.Future[dict[str, str]] | None = None

    async def read(self, tags: tuple[str, ...]) -> str | None:
        """The versions as one word, or None while Redis is away.

        The question is asked after the caller came, so that a change that was committed before is
        always seen.
        """
        self._waiting.update(dict.fromkeys(tags))
        if self._answer is None:
            loop = asyncio.get_running_loop()
            self._answer = loop.create_future()
            loop.call_soon(self._ask)
        versions = await asyncio.shield(self._answer)
        if any(tag not in versions for tag in tags):
            return None
        return ".".join(versions[tag] for tag in tags)

    def _ask(self) -> None:
        tags, answer = list(self._waiting), self._answer
        self._waiting, self._answer = {}, None
        assert answer is not None
        task = asyncio.ensure_future(self._fetch(tags))
        task.add_done_callback(lambda done: _pass_on(done, answer))

    async def _fetch(self, tags: list[str]) -> dict[str, str]:
        keys = [self._key(tag) for tag in tags]
        found = await self._redis.attempt(lambda client: client.mget(keys))
        if found is None:
            return {}
        versions = {t: _text(v) for t, v in zip(tags, found, strict=True) if v is not None}
        for tag in tags:
            if tag not in versions:
                made = await self._redis.attempt(partial(self._begin, tag))
                if made:
                    versions[tag] = made
        return versions

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


class PageStore:
    """The process's own copy of the bytes, then Redis.

    A key names versions, so that a copy can be old but never wrong.
    """

    def __init__(self, redis: AcceleratorRedis, *, keep_bytes: int = BYTES_KEPT_IN_PROCESS) -> None:
        self._redis = redis
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._left = keep_bytes
        self.flights: dict[str, asyncio.Future[bytes]] = {}
        self.without_versions = Departures()

    def kept(self, key: str) -> bytes | None:
        return self._kept.get(key)

    async def get(self, key: str) -> bytes | None:
        kept = self.kept(key)
        if kept is not None or key.startswith(UNCACHEABLE):
            return kept
        found = await self._redis.attempt(lambda client: client.get(key))
        if not isinstance(found, bytes):
            return None
        self.keep(key, found)
        return found

    async def set(self, key: str, value: bytes, expire: int | None = None) -> None:
        if key.startswith(UNCACHEABLE):
            return
        self.keep(key, value)
        await self._redis.attempt(lambda client: client.set(key, value, ex=expire))

    def keep(self, key: str, value: bytes) -> None:
        if key in self._kept:
            return
        self._kept[key] = value
        self._left -= len(value)
        while self._left < 0 and self._kept:
            _, dropped = self._kept.popitem(last=False)
            self._left += len(dropped)


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


def tagged(tags_of: Callable[..., tuple[str, ...]]) -> Callable[..., Awaitable[str]]:
    """A key builder for ``@cache``: what is asked for, and the versions of ``tags_of(...)``.

    The versions are read before anything else is, so that what is computed from older rows goes
    under an older key. The decorated function takes ``(source, query)``; see ``single_flight``.
    """

    async def build(
        func: Callable[..., Any], namespace: str = "", *, args: tuple[Any, ...], **_: Any
    ) -> str:
        source: CacheSource = args[0]
        query = args[1:]
        _in_use.set(source)
        versions = await source.tag_versions.read(tags_of(*query))
        asked = f"{func.__name__}:{hashlib.sha256(repr(query).encode()).hexdigest()[:32]}"
        key = f"{UNCACHEABLE}{asked}" if versions is None else f"{namespace}:{asked}:{versions}"
        _key_in_use.set(key)
        return key

    return build


async def single_flight(compute: Compute) -> bytes:
    """One computation per key at a time in a process: those who wait get the same bytes."""
    key = _key_in_use.get()
    store = _in_use.get().store
    if key.startswith(UNCACHEABLE):
        return await store.without_versions.share(key, compute)
    kept = store.kept(key)
    if kept is not None:
        # Made while this one asked Redis.
        return kept
    flight = store.flights.get(key)
    if flight is None:

        async def make() -> bytes:
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
