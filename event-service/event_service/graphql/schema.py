"""The root types of queries: the same reads as in REST.

Fields that can fail on their own are nullable, so that the rest of the query is answered.
"""

from uuid import UUID

import orjson
import strawberry
from graphql import GraphQLError
from pydantic import ValidationError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from event_service.bookings.queries import find_bookings
from event_service.bookings.schemas import BookingQuery
from event_service.events.schemas import EventQuery
from event_service.graphql.context import Info
from event_service.graphql.limits import QueryLimits
from event_service.graphql.types import (
    SCALARS,
    Booking,
    BookingPage,
    DateTime,
    Event,
    EventPage,
    Json,
)
from service_kit.problems import InvalidRequest, NotAuthenticated
from service_kit.web.paging import DEFAULT_LIMIT, MAX_LIMIT, Paging

MAX_CURSOR_CHARACTERS = 500


@strawberry.type(description="The signed-in user.")
class Viewer:
    @strawberry.field
    async def bookings(
        self, info: Info, first: int = DEFAULT_LIMIT, after: str | None = None
    ) -> BookingPage | None:
        paging = read_paging(first, after)
        viewer = info.context.viewer
        if viewer is None:
            raise NotAuthenticated
        async with info.context.session() as session:
            rows, cursor = await find_bookings(session, viewer.user_id, BookingQuery(), paging)
        items = [Booking.of(row) for row in rows]
        return BookingPage(items=items, next_cursor=cursor)


@strawberry.type
class Query:
    @strawberry.field
    async def events(
        self,
        info: Info,
        q: str | None = None,
        city: str | None = None,
        category: str | None = None,
        starts_from: DateTime | None = None,
        starts_to: DateTime | None = None,
        first: int = DEFAULT_LIMIT,
        after: str | None = None,
    ) -> EventPage | None:
        query = read_event_query(
            q=q, city=city, category=category, starts_from=starts_from, starts_to=starts_to
        )
        paging = read_paging(first, after)
        async with info.context.database_lock:
            packed = await info.context.pages.event_list(query, paging, info.context.viewer)
        await info.context.yield_to_event_loop()
        page = unpack(packed)
        items = [Event(**fields) for fields in page["items"]]
        return EventPage(items=items, next_cursor=page["next_cursor"])

    @strawberry.field
    async def event(self, info: Info, id: strawberry.ID) -> Event | None:
        event_id = read_id(id)
        async with info.context.database_lock:
            packed = await info.context.pages.event(event_id, info.context.viewer)
        return Event(**unpack(packed))

    @strawberry.field
    async def viewer(self, info: Info) -> Viewer | None:
        if info.context.viewer is None:
            raise NotAuthenticated
        return Viewer()


def read_paging(first: int, after: str | None) -> Paging:
    if not 1 <= first <= MAX_LIMIT:
        raise InvalidRequest.field("first", f"It must lie between 1 and {MAX_LIMIT}.")
    if after is not None and len(after) > MAX_CURSOR_CHARACTERS:
        raise InvalidRequest.field("after", "It is not a cursor of this list.")
    return Paging(first, after)


def read_event_query(**arguments: str | None) -> EventQuery:
    try:
        return EventQuery.model_validate(arguments)
    except ValidationError as error:
        raise InvalidRequest(
            errors=[
                {
                    "field": str(entry["loc"][0]),
                    "message": entry["msg"].removeprefix("Value error, "),
                }
                for entry in error.errors(include_url=False)
            ]
        ) from None


def read_id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise InvalidRequest.field("id", "It is not an id.") from None


def unpack(packed: bytes) -> Json:
    """The JSON after the entity tag."""
    page: Json = orjson.loads(packed.partition(b"\n")[2])
    return page


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Does nothing: the library would log every error, those of clients too; see execution.py."""


schema = Schema(query=Query, extensions=[QueryLimits], config=StrawberryConfig(scalar_map=SCALARS))
