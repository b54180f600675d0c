"""The event list and single events, from the cache where everybody sees the same."""

import time
from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi_cache.decorator import cache

from event_service.cache import (
    EVENT_LIST_TAG,
    FACETS_TAG,
    SITEMAP_TAG,
    BytesCoder,
    CacheContext,
    TagVersions,
    event_tag,
    versioned_key,
)
from event_service.events import lists, queries
from event_service.events.calendar import event_calendar_file
from event_service.events.facets import read_facets
from event_service.events.representation import encode_event, pack
from event_service.events.schemas import EventPublic, EventQuery
from event_service.events.sitemap import read_sitemap
from event_service.page_store import Page, PageStore
from event_service.single_flight import SingleFlight
from service_kit.database.engine import Database
from service_kit.problems import NotAuthenticated, NotFound
from service_kit.web.paging import Paging
from service_kit.web.tokens import Person


class Draft(bytes):
    """An encoded event that only its organizer sees."""


class Pages:
    """Encoded answers. What depends on the viewer bypasses the cache."""

    def __init__(self, database: Database, store: PageStore, tag_versions: TagVersions) -> None:
        self.database = database
        self.store = store
        self.flights: SingleFlight[Page] = SingleFlight()
        self._tag_versions = tag_versions

    def _context(self) -> CacheContext:
        return CacheContext(self.database, self.store, self._tag_versions, self.flights)

    async def event_list(self, query: EventQuery, paging: Paging, viewer: Person | None) -> bytes:
        if query.organizer == "me":
            if viewer is None:
                raise NotAuthenticated
            return await render_event_list(self._context(), query, paging, owner=viewer.user_id)
        packed = await cached_event_list(self._context(), query, (paging.limit, paging.cursor))
        assert isinstance(packed, bytes)
        return packed

    async def facets(self) -> bytes:
        packed = await cached_facets(self._context())
        assert isinstance(packed, bytes)
        return packed

    async def sitemap(self, number: int, public_url: str) -> bytes:
        packed = await cached_sitemap(self._context(), number, public_url)
        assert isinstance(packed, bytes)
        return packed

    async def event(self, event_id: UUID, viewer: Person | None) -> bytes:
        """A draft depends on the viewer, and is read without the cache."""
        packed = await cached_event(self._context(), event_id)
        assert isinstance(packed, bytes)
        if packed:
            return packed
        async with self.database.transaction() as session:
            return Draft(encode_event(await queries.get_event(session, event_id, viewer=viewer)))

    async def calendar(self, event_id: UUID, public_url: str) -> bytes:
        """The calendar file. Raises NotFound for a draft, whoever asks."""
        packed = await cached_calendar(self._context(), event_id, public_url)
        assert isinstance(packed, bytes)
        if not packed:
            raise NotFound
        return packed


async def get_pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


PagesDep = Annotated[Pages, Depends(get_pages)]


async def render_event_list(
    context: CacheContext, query: EventQuery, paging: Paging, *, owner: UUID | None = None
) -> Page:
    """Valid until the first of its events begins, since then it is not listed any more."""
    since = time.monotonic()
    async with context.database.transaction() as session:
        page, seconds = await lists.list_events(session, query, paging, owner=owner)
    return context.store.new_page(pack(page.model_dump_json().encode()), seconds, since=since)


@cache(coder=BytesCoder, key_builder=versioned_key(lambda query, page: (EVENT_LIST_TAG,)))
async def cached_event_list(
    context: CacheContext, query: EventQuery, page: tuple[int, str | None]
) -> bytes:
    limit, cursor = page
    return await context.compute_once(
        lambda: render_event_list(context, query, Paging(limit=limit, cursor=cursor))
    )


@cache(coder=BytesCoder, key_builder=versioned_key(lambda: (FACETS_TAG,)))
async def cached_facets(context: CacheContext) -> bytes:
    """Valid until the first of the counted events begins."""

    async def render() -> Page:
        since = time.monotonic()
        async with context.database.transaction() as session:
            facets, seconds = await read_facets(session)
        return context.store.new_page(pack(facets.model_dump_json().encode()), seconds, since=since)

    return await context.compute_once(render)


@cache(
    coder=BytesCoder,
    key_builder=versioned_key(lambda event_id: (event_tag(event_id),), create_missing=False),
)
async def cached_event(context: CacheContext, event_id: UUID) -> bytes:
    """Empty for a draft and for an id that does not exist."""
    return await _event_page(context, event_id, encode_event)


@cache(
    coder=BytesCoder,
    key_builder=versioned_key(lambda event_id, _: (event_tag(event_id),), create_missing=False),
)
async def cached_calendar(context: CacheContext, event_id: UUID, public_url: str) -> bytes:
    """Empty as ``cached_event`` is."""
    url = f"{public_url}/events/{event_id}"
    return await _event_page(
        context, event_id, lambda event: pack(event_calendar_file(event, url=url))
    )


async def _event_page(
    context: CacheContext, event_id: UUID, encode: Callable[[EventPublic], bytes]
) -> Page:
    async def render() -> Page:
        async with context.database.transaction() as session:
            event = await queries.find_published_event(session, event_id)
        return context.store.new_page(encode(event) if event else b"")

    page = await context.compute_once(render)
    if page and not context.key.is_versioned:
        # The next reader stores it. Ids that do not exist get no version.
        await context.tag_versions.create_missing((event_tag(event_id),))
    return page


@cache(coder=BytesCoder, key_builder=versioned_key(lambda number, public_url: (SITEMAP_TAG,)))
async def cached_sitemap(context: CacheContext, number: int, public_url: str) -> bytes:
    """As old as a page of the cache may be: no change makes it anew."""

    async def render() -> Page:
        async with context.database.transaction() as session:
            return context.store.new_page(await read_sitemap(session, number, public_url))

    return await context.compute_once(render)
