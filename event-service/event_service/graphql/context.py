"""What the fields of one query share: the viewer, one connection, and loaded rows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends
from sqlmodel.ext.asyncio.session import AsyncSession
from strawberry import Info as StrawberryInfo
from strawberry.dataloader import DataLoader

from event_service.bookings.queries import list_seats
from event_service.deps import OptionalUser, SettingsDep
from event_service.events import queries
from event_service.events.pages import Pages, PagesDep
from event_service.graphql.problems import QueryTooLarge
from event_service.graphql.selections import Selections
from event_service.settings import Settings
from service_kit.web.tokens import Person

ResultT = TypeVar("ResultT")
LoadMany = Callable[..., Awaitable[dict[UUID, ResultT]]]


class _Loader(DataLoader[UUID, ResultT | None]):
    """Rows share what is loaded: a load that is cancelled, because another field failed, must not cancel
    it for the other rows."""

    def load(self, key: UUID) -> Awaitable[ResultT | None]:
        return asyncio.shield(super().load(key))


class Context:
    """Fields are resolved concurrently, and use the database one after the other: a request never has
    more than one connection, and never waits for a second while it has one."""

    def __init__(self, settings: Settings, pages: Pages, viewer: Person | None) -> None:
        self.settings = settings
        self.pages = pages
        self.viewer = viewer
        self.database_lock = asyncio.Lock()
        self.events = self._loader(queries.list_events_by_id)
        self.availability = self._loader(queries.list_availability)
        self.seat_maps = self._loader(queries.list_seat_maps)
        self.booked_seats = self._loader(_list_booked_seats)
        # Set by QueryLimits before a field is resolved.
        self.selections: Selections
        # Values by their path in the answer, which are inserted after the executor has run.
        self.late_values: list[tuple[list[str | int], Any]] = []
        self._seats_left = settings.graphql_max_seats
        self._page_lock = asyncio.Lock()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        async with self.database_lock, self.pages.database.transaction() as session:
            yield session

    def _loader(self, load_many: LoadMany[ResultT]) -> DataLoader[UUID, ResultT | None]:
        """One statement for all rows of a list; None for events that the viewer may not see."""
        viewer = self.viewer.user_id if self.viewer else None

        async def load(event_ids: list[UUID]) -> list[ResultT | None]:
            async with self.session() as session:
                by_id = await load_many(session, event_ids, viewer=viewer)
            return [by_id.get(event_id) for event_id in event_ids]

        return _Loader(load_fn=load)

    async def yield_to_event_loop(self) -> None:
        """Completes one page of events per turn of the event loop, however many a query has."""
        async with self._page_lock:
            await asyncio.sleep(0)

    def count_seats(self, seats: int) -> None:
        """Raises QueryTooLarge for more seats than a query may show. Called before they are loaded."""
        if seats > self._seats_left:
            limit = self.settings.graphql_max_seats
            raise QueryTooLarge(
                f"It shows more than {limit} seats; GET /api/v1/events/{{id}}/seats shows any number."
            )
        self._seats_left -= seats


async def _list_booked_seats(
    session: AsyncSession, booking_ids: list[UUID], *, viewer: UUID | None
) -> dict[UUID, str]:
    """The bookings come from the viewer's own list, so that no further check is needed."""
    return await list_seats(session, booking_ids)


async def get_context(settings: SettingsDep, pages: PagesDep, viewer: OptionalUser) -> Context:
    return Context(settings, pages, viewer)


ContextDep = Annotated[Context, Depends(get_context)]
Info = StrawberryInfo[Context, None]
