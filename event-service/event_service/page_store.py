"""Where pages are stored: the most used ones in the process, all in Redis, none beyond its age."""

import contextlib
import math
import time
from functools import partial

import cachetools
import redis.asyncio

from event_service.metrics import PAGE_READS
from service_kit.redis_clients import AcceleratorRedis

# Of the pages in one process: some hundred lists; Redis has the others.
MAX_LOCAL_BYTES = 8 * 1_048_576
MAX_LOCAL_PAGES = 10_000
# Key, links and expiry of an entry count as well, or tiny pages would not be bounded.
ENTRY_OVERHEAD_BYTES = 1_000
IN_PROCESS, IN_REDIS, NOWHERE = map(PAGE_READS.labels, ("process", "redis", "nowhere"))


class Page(bytes):
    """The content of a page, with the time of ``time.monotonic`` until which it may be shown."""

    valid_until: float


class PageKey(str):
    """A key of a page. It knows the store of its application: fastapi-cache2 has one backend in a
    process, and a process may have several applications."""

    store: "PageStore"
    # Without versions in the key a stored page could not become stale: it is not stored.
    is_versioned: bool

    @classmethod
    def make(cls, key: str, store: "PageStore", *, is_versioned: bool) -> "PageKey":
        made = cls(key)
        made.store, made.is_versioned = store, is_versioned
        return made


class _LocalPages(cachetools.TLRUCache[str, Page]):
    """Pages by age and use, as many as fit."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(
            maxsize=max_bytes,
            ttu=lambda _, page, __: page.valid_until,
            timer=time.monotonic,
            getsizeof=lambda page: len(page) + ENTRY_OVERHEAD_BYTES,
        )

    def add(self, key: str, page: Page) -> None:
        while len(self) >= MAX_LOCAL_PAGES:
            self.popitem()
        # A page that is larger than the whole store is left to Redis.
        with contextlib.suppress(ValueError):
            self[key] = page


class PageStore:
    """The process's own copies of pages, then Redis.

    A key names the versions of what a page shows, so that a copy can be old but never wrong. The age of
    a page ends what nobody changes, such as a list whose first event begins.
    """

    def __init__(
        self,
        redis: AcceleratorRedis,
        *,
        max_age_seconds: float,
        max_local_bytes: int = MAX_LOCAL_BYTES,
    ) -> None:
        self._redis = redis
        self._max_age_seconds = max_age_seconds
        self._local = _LocalPages(max_local_bytes)

    def new_page(
        self, content: bytes, seconds: float = math.inf, *, since: float | None = None
    ) -> Page:
        """A page for ``seconds`` at most from ``since``, the time when its content was read (None: now)."""
        page = Page(content)
        start = time.monotonic() if since is None else since
        page.valid_until = start + min(seconds, self._max_age_seconds)
        return page

    def find_local(self, key: str) -> Page | None:
        page: Page | None = self._local.get(key)
        return page

    def add_local(self, key: str, page: Page) -> None:
        self._local.add(key, page)

    async def get(self, key: str) -> Page | None:
        page = self.find_local(key)
        if page is not None:
            IN_PROCESS.inc()
            return page
        page = await self._redis.attempt(partial(self._read, key))
        if page is None:
            NOWHERE.inc()
            return None
        IN_REDIS.inc()
        self.add_local(key, page)
        return page

    async def _read(self, key: str, client: redis.asyncio.Redis) -> Page | None:
        asked_at = time.monotonic()
        pipe = client.pipeline(transaction=False)
        pipe.get(key)
        pipe.pttl(key)
        content, ms_left = await pipe.execute()
        if not isinstance(content, bytes) or ms_left <= 0:
            return None
        return self.new_page(content, ms_left / 1000, since=asked_at)

    async def set(self, key: str, page: Page) -> None:
        ms_left = int((page.valid_until - time.monotonic()) * 1000)
        if ms_left > 0:
            self.add_local(key, page)
            await self._redis.attempt(lambda client: client.set(key, bytes(page), px=ms_left))
