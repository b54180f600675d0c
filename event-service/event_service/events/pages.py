"""The event list and the event, from the cache where they are the same for everybody."""

import time
from uuid import UUID

from fastapi_cache.decorator import cache

from event_service.cache import (
    EVENT_LIST_TAG,
    BytesCoder,
    TagVersions,
    event_tag,
    is_cacheable,
    single_flight,
    tagged,
)
from event_service.events import queries
from event_service.events.representation import encode_event, pack
from event_service.events.schemas import EventQuery
from event_service.page_store import Page, PageStore
from service_kit.database.engine import Database
from service_kit.problems import NotAuthenticated
from service_kit.web.paging import Paging
from service_kit.web.tokens import Person

CACHE_SECONDS = 300


class Draft(bytes):
    """An event that only its owner sees, encoded."""


class Pages:
    """Answers as bytes. What depends on who asks never goes near the cache."""

    def __init__(self, database: Database, store: PageStore, tag_versions: TagVersions) -> None:
        self.database = database
        self.store = store
        self.tag_versions = tag_versions

    async def event_list(self, query: EventQuery, paging: Paging, viewer: Person | None) -> bytes:
        if query.organizer == "me":
            if viewer is None:
                raise NotAuthenticated
            return await render_event_list(self, query, paging, owner=viewer.user_id)
        packed = await cached_event_list(self, query, (paging.limit, paging.cursor))
        assert isinstance(packed, bytes)
        return packed

    async def event(self, event_id: UUID, viewer: Person | None) -> bytes:
        """A draft is not the same for everybody: it is read for its owner, past the cache."""
        packed = await cached_event(self, event_id)
        assert isinstance(packed, bytes)
        if packed:
            return packed
        async with self.database.transaction() as session:
            return Draft(encode_event(await queries.get_event(session, event_id, viewer=viewer)))


async def render_event_list(
    pages: Pages, query: EventQuery, paging: Paging, *, owner: UUID | None = None
) -> Page:
    """It lasts until the first of its events begins, which then is listed no more."""
    since = time.monotonic()
    async with pages.database.transaction() as session:
        page, seconds = await queries.list_events(session, query, paging, owner=owner)
    return Page.lasting(pack(page.model_dump_json().encode()), seconds, since=since)


@cache(
    expire=CACHE_SECONDS,
    coder=BytesCoder,
    key_builder=tagged(lambda query, page: (EVENT_LIST_TAG,)),
)
async def cached_event_list(pages: Pages, query: EventQuery, page: tuple[int, str | None]) -> bytes:
    limit, cursor = page
    return await single_flight(
        lambda: render_event_list(pages, query, Paging(limit=limit, cursor=cursor))
    )


@cache(
    expire=CACHE_SECONDS,
    coder=BytesCoder,
    key_builder=tagged(lambda event_id: (event_tag(event_id),), begin=False),
)
async def cached_event(pages: Pages, event_id: UUID) -> bytes:
    """Empty for what is not published: who may see that depends on who asks."""

    async def render() -> Page:
        async with pages.database.transaction() as session:
            event = await queries.find_published_event(session, event_id)
        return Page.lasting(encode_event(event) if event else b"")

    page = await single_flight(render)
    if page and not is_cacheable():
        # The next reader keeps it. An id that nothing has leaves no trace.
        await pages.tag_versions.begin((event_tag(event_id),))
    return page
