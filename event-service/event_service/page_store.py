"""Where pages are kept: some in the process, all in Redis, none longer than it may be shown."""

import asyncio
import contextlib
import time
from functools import partial

import cachetools
import redis.asyncio

from event_service.departures import Departures
from service_kit.redis_clients import AcceleratorRedis

# No page is older, wherever it is kept.
MAX_AGE_SECONDS = 300.0
# Some hundred pages; the others are in Redis, and this much stands in each process.
BYTES_KEPT_IN_PROCESS = 8 * 1_048_576
ENTRIES_KEPT_IN_PROCESS = 10_000
# Key, links and expiry of an entry, so that pages of few bytes come to an end as well.
BYTES_OF_AN_ENTRY = 1_000

# How the key of a page begins whose versions nobody can tell at the moment.
UNCACHEABLE = "-:"


class Page(bytes):
    """A page with the time, of ``time.monotonic``, until which it may be shown."""

    until: float

    @classmethod
    def lasting(
        cls, page: bytes, seconds: float = MAX_AGE_SECONDS, *, since: float | None = None
    ) -> "Page":
        """``since`` is the time from which the seconds count, when it was read, say; else now."""
        made = cls(page)
        begun = time.monotonic() if since is None else since
        made.until = begun + min(seconds, MAX_AGE_SECONDS)
        return made


class _Kept(cachetools.TLRUCache[str, Page]):
    """Pages by age and use, as many as fit."""

    def __init__(self, keep_bytes: int) -> None:
        super().__init__(
            maxsize=keep_bytes,
            ttu=lambda _, page, __: page.until,
            timer=time.monotonic,
            getsizeof=lambda page: len(page) + BYTES_OF_AN_ENTRY,
        )

    def keep(self, key: str, page: Page) -> None:
        while len(self) >= ENTRIES_KEPT_IN_PROCESS:
            self.popitem()
        # One that does not fit at all is not kept.
        with contextlib.suppress(ValueError):
            self[key] = page


class PageStore:
    """The process's own copy of the bytes, then Redis.

    A key names versions, so that a copy can be old but never wrong; an age of its own ends what
    nobody changes, such as a list whose first event begins.
    """

    def __init__(self, redis: AcceleratorRedis, *, keep_bytes: int = BYTES_KEPT_IN_PROCESS) -> None:
        self._redis = redis
        self._kept = _Kept(keep_bytes)
        self.flights: dict[str, asyncio.Future[Page]] = {}
        self.without_versions = Departures()

    def kept(self, key: str) -> Page | None:
        page: Page | None = self._kept.get(key)
        return page

    async def get(self, key: str) -> Page | None:
        kept = self.kept(key)
        if kept is not None or key.startswith(UNCACHEABLE):
            return kept
        found = await self._redis.attempt(partial(self._read, key))
        if found is None:
            return None
        self._kept.keep(key, found)
        return found

    async def _read(self, key: str, client: redis.asyncio.Redis) -> Page | None:
        asked_at = time.monotonic()
        pipe = client.pipeline(transaction=False)
        pipe.get(key)
        pipe.pttl(key)
        value, left_ms = await pipe.execute()
        if not isinstance(value, bytes) or left_ms <= 0:
            return None
        return Page.lasting(value, left_ms / 1000, since=asked_at)

    async def set(self, key: str, value: bytes, expire: int | None = None) -> None:
        """``expire`` is not asked: a page knows how long it lasts."""
        assert isinstance(value, Page)
        left_ms = int((value.until - time.monotonic()) * 1000)
        if key.startswith(UNCACHEABLE) or left_ms <= 0:
            return
        self._kept.keep(key, value)
        await self._redis.attempt(lambda client: client.set(key, bytes(value), px=left_ms))

    def keep(self, key: str, value: Page) -> None:
        self._kept.keep(key, value)
