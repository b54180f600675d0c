"""What the fields of one query share: who asks, one connection, and what was loaded."""

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
from event_service.deps import EventPages, OptionalUser, SettingsDep
from event_service.events import queries
from event_service.events.pages import Pages
from event_service.graphql.errors import QueryTooLarge
from event_service.graphql.selections import Selections
from event_service.settings import Settings
from service_kit.web.tokens import Person

ResultT = TypeVar("ResultT")
LoadMany = Callable[..., Awaitable[dict[UUID, ResultT]]]


class _Loader(DataLoader[UUID, ResultT | None]):
    """Rows share what is loaded: one that is given up, since a field beside it failed, must not take
    it from the others."""

    def load(self, key: UUID) -> Awaitable[ResultT | None]:
        return asyncio.shield(super().load(key))


class Context:
    """Fields are resolved at the same time; whatever goes to the database takes turns here, so
    that one request never has more than one connection and never waits for a second."""

    def __init__(self, settings: Settings, pages: Pages, viewer: Person | None) -> None:
        self.settings = settings
        self.pages = pages
        self.viewer = viewer
        self.turn = asyncio.Lock()
        self.events = self._loader(queries.list_events_by_id)
        self.availability = self._loader(queries.list_availability)
        self.seat_maps = self._loader(queries.list_seat_maps)
        self.booked_seats = self._loader(_list_booked_seats)
        # Set before anything is resolved.
        self.selections: Selections
        # What stands in the answer where, beside the executor.
        self.filled: list[tuple[list[str | int], Any]] = []
        self._seats_left = settings.graphql_max_seats
        self._one_page = asyncio.Lock()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        async with self.turn, self.pages.database.transaction() as session:
            yield session

    def _loader(self, load_many: LoadMany[ResultT]) -> DataLoader[UUID, ResultT | None]:
        """One statement for all that a list asks of its rows; None for what may not be seen."""
        viewer = self.viewer.user_id if self.viewer else None

        async def load(event_ids: list[UUID]) -> list[ResultT | None]:
            async with self.session() as session:
                found = await load_many(session, event_ids, viewer=viewer)
            return [found.get(event_id) for event_id in event_ids]

        return _Loader(load_fn=load)

    async def let_others_in(self) -> None:
        """Pages of events are completed one in a turn of the event loop, however many a query has."""
        async with self._one_page:
            await asyncio.sleep(0)

    def take_seats(self, seats: int) -> None:
        """Raises QueryTooLarge for more seats than a query may show, before they are looked up."""
        if seats > self._seats_left:
            limit = self.settings.graphql_max_seats
            raise QueryTooLarge(
                f"It shows more than {limit} seats; GET /api/v1/events/{{id}}/seats shows any number."
            )
        self._seats_left -= seats


async def _list_booked_seats(
    session: AsyncSession, booking_ids: list[UUID], *, viewer: UUID | None
) -> dict[UUID, str]:
    """Of bookings that the viewer's list has shown: they are the viewer's own."""
    return await list_seats(session, booking_ids)


async def get_context(settings: SettingsDep, pages: EventPages, viewer: OptionalUser) -> Context:
    return Context(settings, pages, viewer)


ContextDep = Annotated[Context, Depends(get_context)]
Info = StrawberryInfo[Context, None]
