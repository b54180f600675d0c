"""The types of the schema. Values are those of REST, in its JSON form."""

import asyncio
from typing import Any, NewType, Self
from uuid import UUID

import orjson
import strawberry

from event_service.bookings.representation import booking_fields, encode
from event_service.graphql.context import Info
from event_service.graphql.selections import occurrences, project
from event_service.statuses import BookingStatus, EventStatus, SeatingKind, SeatKind, SeatState
from service_kit.clock import utc_now
from service_kit.problems import NotFound

Json = dict[str, Any]

DateTime = NewType("DateTime", str)
Amount = NewType("Amount", int)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a DateTime is text such as 2027-01-20T18:30:00Z")
    return value


SCALARS: dict[object, Any] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339, such as 2027-01-20T18:30:00Z.",
        serialize=_text,
        parse_value=_text,
    ),
    # GraphQL's Int ends at 2,147,483,647, which is no large sum in every currency.
    Amount: strawberry.scalar(
        name="Amount", description="A whole number of minor units.", serialize=int, parse_value=int
    ),
}


# Their names in GraphQL are their values, as in the JSON of REST.
for values, name in (
    (EventStatus, "EventStatus"),
    (SeatingKind, "Seating"),
    (SeatKind, "SeatKind"),
    (SeatState, "SeatState"),
    (BookingStatus, "BookingStatus"),
):
    strawberry.enum(values, name=name, graphql_name_from="value")


@strawberry.type(description="Counted now; seatsAvailable of an event may be a second old.")
class Availability:
    capacity: int
    available: int
    held: int
    booked: int


@strawberry.type
class Seat:
    id: strawberry.ID
    number: int
    column: int
    kind: SeatKind
    state: SeatState


@strawberry.type
class SeatRow:
    name: str
    columns: int
    seats: list[Seat]


@strawberry.type
class Section:
    name: str
    price: Amount
    rows: list[SeatRow]


@strawberry.type(description="Every seat, if seats are assigned.")
class SeatMap:
    sections: list[Section]


@strawberry.type(description="A draft is shown to its organizer only.")
class Event:
    id: strawberry.ID
    organizer_id: strawberry.ID
    title: str
    description: str
    category: str
    venue: str
    city: str
    timezone: str
    starts_at: DateTime
    ends_at: DateTime
    sales_start: DateTime | None
    sales_end: DateTime | None
    cancellation_deadline: DateTime
    doors_at: DateTime | None
    organizer_name: str | None
    payment_note: str | None
    image_url: str | None
    status: EventStatus
    seating: SeatingKind
    capacity: int
    seats_available: int
    price: Amount
    price_from: Amount
    price_to: Amount
    currency: str
    currency_digits: int
    max_seats_per_user: int
    version: int
    created_at: DateTime
    updated_at: DateTime

    @strawberry.field
    async def availability(self, info: Info) -> Availability | None:
        counted = await info.context.availability.load(UUID(self.id))
        if counted is None:
            raise NotFound
        return Availability(**counted.model_dump())

    @strawberry.field
    async def seats(self, info: Info) -> SeatMap | None:
        if self.seating != SeatingKind.ASSIGNED:
            return SeatMap(sections=[])
        context, raw = info.context, info._raw_info
        shape = context.selections.shape(raw.field_nodes)
        # Before PostgreSQL makes the map, which takes a while.
        context.count_seats(self.capacity * max(1, occurrences(shape, "seats")))
        seat_map = await context.seat_maps.load(UUID(self.id))
        if seat_map is None:
            raise NotFound
        projection = await asyncio.to_thread(
            lambda: project(orjson.loads(seat_map), shape, SeatMap.__name__)
        )
        context.late_values.append((raw.path.as_list(), projection))
        return None


@strawberry.type(
    description="Published events that have not begun: the next one first, or with `q` the best match."
)
class EventPage:
    items: list[Event]
    next_cursor: str | None


@strawberry.type
class BookedSeat:
    id: strawberry.ID
    section: str | None
    row: str | None
    number: int | None
    ticket_code: str


@strawberry.type
class Booking:
    id: strawberry.ID
    event_id: strawberry.ID
    status: BookingStatus
    guest_name: str | None
    total: Amount
    currency: str
    created_at: DateTime
    expires_at: DateTime | None
    can_cancel: bool
    title: str
    starts_at: DateTime
    ends_at: DateTime
    timezone: str
    venue: str
    city: str
    quantity: strawberry.Private[int]

    @classmethod
    def of(cls, row: Any) -> Self:
        """``row`` is one of ``bookings.queries.find_bookings``."""
        fields = booking_fields(
            row, row.status_now, row, now=utc_now(), is_checked_in=row.is_checked_in
        )
        return cls(quantity=row.quantity, **orjson.loads(encode(fields)))

    @strawberry.field
    async def seats(self, info: Info) -> list[BookedSeat]:
        context, raw = info.context, info._raw_info
        context.count_seats(self.quantity)
        seats = await context.booked_seats.load(UUID(self.id))
        shape = context.selections.shape(raw.field_nodes)
        projection = project(orjson.loads(seats or "[]"), shape, BookedSeat.__name__)
        context.late_values.append((raw.path.as_list(), projection))
        return []

    @strawberry.field
    async def event(self, info: Info) -> Event | None:
        event = await info.context.events.load(UUID(self.event_id))
        return Event(**event.model_dump(mode="json")) if event else None


@strawberry.type(description="One's own bookings, newest first.")
class BookingPage:
    items: list[Booking]
    next_cursor: str | None
