"""The tables of event-service. The database itself forbids what must not happen: see Design notes
in ../README.md for the order in which rows are locked."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    ForeignKeyConstraint,
    Identity,
    Index,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlmodel import Field, SQLModel

from event_service.statuses import BookingStatus, EnumText, EventStatus, SeatingKind, one_of
from service_kit.clock import utc_now
from service_kit.database.tables import new_registry
from service_kit.ids import new_id
from service_kit.messaging.outbox import OutboxRow, outbox_indexes
from service_kit.web.erasures import ErasedUserRow

# The Russian configuration stems Cyrillic words as Russian and Latin ones as English.
SEARCH_CONFIG = "russian"
_SEARCH = " || ".join(
    f"setweight(to_tsvector('{SEARCH_CONFIG}'::regconfig, {column}::text), '{weight}'::\"char\")"
    for column, weight in (("title", "A"), ("venue", "B"), ("city", "B"), ("description", "C"))
)
_PUBLISHED = text(f"status = '{EventStatus.PUBLISHED}'")
_HELD = f"status = '{BookingStatus.HELD}'"


class Base(SQLModel, registry=new_registry()):
    """The base of this service's tables."""


class Event(Base, table=True):
    __table_args__ = (
        CheckConstraint(one_of("status", EventStatus), name="status"),
        CheckConstraint(one_of("seating", SeatingKind), name="seating"),
        CheckConstraint("capacity BETWEEN 1 AND 100000", name="capacity"),
        CheckConstraint("price >= 0", name="price"),
        CheckConstraint("max_seats_per_user >= 1", name="max_seats_per_user"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint("sales_end > sales_start", name="sales_window"),
        # GET /events sorted by starts_at, either way, and its keyset
        Index("ix_event_starts", "starts_at", "id", postgresql_where=_PUBLISHED),
        # GET /events?sort=-created_at
        Index("ix_event_created", "created_at", "id", postgresql_where=_PUBLISHED),
        # GET /events?city= and ?category=; the statistics event_place_plain have their common values
        Index(
            "ix_event_city_plain", text("event_plain(city)"), "starts_at", "id",
            postgresql_where=_PUBLISHED,
        ),
        Index(
            "ix_event_category_plain", text("event_plain(category)"), "starts_at", "id",
            postgresql_where=_PUBLISHED,
        ),
        # Only the previous release reads these two, and ``search`` with its index.
        Index("ix_event_city", text("lower(city)"), "starts_at", "id", postgresql_where=_PUBLISHED),
        Index(
            "ix_event_category", text("lower(category)"), "starts_at", "id",
            postgresql_where=_PUBLISHED,
        ),
        # GET /events?organizer=
        Index("ix_event_organizer", "organizer_id", "starts_at", "id"),
        Index("ix_event_search", "search", postgresql_using="gin"),
    )  # fmt: skip

    id: UUID = Field(default_factory=new_id, primary_key=True)
    organizer_id: UUID
    title: str
    description: str = ""
    category: str = ""
    venue: str
    city: str
    timezone: str
    starts_at: datetime
    ends_at: datetime
    sales_start: datetime | None = None
    sales_end: datetime | None = None
    # See rules.cancellation_deadline.
    cancellation_deadline: datetime | None = None
    status: EventStatus = Field(
        default=EventStatus.DRAFT, sa_column=Column(EnumText(EventStatus), nullable=False)
    )
    seating: SeatingKind = Field(sa_column=Column(EnumText(SeatingKind), nullable=False))
    capacity: int
    price: int = 0
    currency: str = "EUR"
    max_seats_per_user: int = 10
    version: int = 1
    cancel_reason: str | None = None
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
    search: str | None = Field(
        default=None, sa_column=Column(TSVECTOR, Computed(_SEARCH, persisted=True)), exclude=True
    )


def _gin(name: str, column: str) -> Index:
    # Without the pending list, which every search would read as well.
    return Index(name, column, postgresql_using="gin", postgresql_with={"fastupdate": "off"})


class EventSearch(Base, table=True):
    """The words of an event without accents, and their stems; a trigger on ``event`` maintains them.

    A table of its own, so that bookings and lists do not read them."""

    __tablename__: ClassVar[str] = "event_search"
    __table_args__ = (
        _gin("ix_event_search_title", "title"),
        _gin("ix_event_search_words", "words"),
    )

    event_id: UUID = Field(primary_key=True, foreign_key="event.id", ondelete="CASCADE")
    title: str = Field(sa_column=Column(TSVECTOR, nullable=False))
    words: str = Field(sa_column=Column(TSVECTOR, nullable=False))


class SearchSpelling(Base, table=True):
    """A word of a published event, in full and without each of its letters (typo search)."""

    __tablename__: ClassVar[str] = "search_spelling"
    __table_args__ = (Index("ix_search_spelling", "spelling", "word"),)

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    spelling: str
    word: str


class Section(Base, table=True):
    """A section of assigned seating, with its own price or the event's."""

    __table_args__ = (
        CheckConstraint("price >= 0", name="price"),
        Index("uq_section_event_id_name", "event_id", "name", unique=True),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="event.id", ondelete="CASCADE")
    name: str
    price: int | None = None
    position: int


class Seat(Base, table=True):
    """One seat, with general admission too; it belongs to one booking at most.

    It is free without a booking or when its hold has lapsed (rules.IS_FREE): no sweep is needed.
    """

    __table_args__ = (
        CheckConstraint("booking_id IS NOT NULL OR held_until IS NULL", name="held_by_somebody"),
        # A booking is inserted after its seats are updated, in the same transaction.
        ForeignKeyConstraint(
            ["booking_id"], ["booking.id"], name="fk_seat_booking_id",
            deferrable=True, initially="DEFERRED",
        ),
        # the seat map in order; positions are unique
        Index("uq_seat_event_id_position", "event_id", "position", unique=True),
        # any n free seats from some position on
        Index(
            "ix_seat_free", "event_id", "position", postgresql_where=text("booking_id IS NULL")
        ),
        # seats of lapsed holds
        Index(
            "ix_seat_held", "event_id", "held_until",
            postgresql_where=text("held_until IS NOT NULL"),
        ),
        # deleting a section: its foreign key looks for seats
        Index("ix_seat_section", "section_id", postgresql_where=text("section_id IS NOT NULL")),
        # the seats of a booking that is cancelled, confirmed or expired
        Index("ix_seat_booking", "booking_id", postgresql_where=text("booking_id IS NOT NULL")),
    )  # fmt: skip

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="event.id", ondelete="CASCADE")
    section_id: UUID | None = Field(default=None, foreign_key="section.id")
    row_name: str | None = None
    number: int | None = None
    position: int
    booking_id: UUID | None = None
    held_until: datetime | None = None


class Booking(Base, table=True):
    __table_args__ = (
        CheckConstraint(one_of("status", BookingStatus), name="status"),
        CheckConstraint("quantity >= 1", name="quantity"),
        CheckConstraint(f"({_HELD}) <= (expires_at IS NOT NULL)", name="holds_end"),
        # GET /bookings
        Index("ix_booking_user", "user_id", "id"),
        # GET /events/{id}/bookings, cancelling an event
        Index("ix_booking_event", "event_id", "id"),
        # the sweeper: lapsed holds
        Index("ix_booking_expiry", "expires_at", postgresql_where=text(_HELD)),
        # seats_available: lapsed holds of an event before the sweep. Only holds have ``expires_at``; a
        # condition on the status would be a parameter, which a prepared plan cannot match.
        Index(
            "ix_booking_held", "event_id", "expires_at",
            postgresql_where=text("expires_at IS NOT NULL"),
        ),
        # holds of an erased account
        Index("ix_booking_holder", "user_id", postgresql_where=text("expires_at IS NOT NULL")),
    )  # fmt: skip

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="event.id")
    user_id: UUID
    status: BookingStatus = Field(sa_column=Column(EnumText(BookingStatus), nullable=False))
    quantity: int
    total: int = Field(sa_type=BigInteger)
    currency: str
    created_at: datetime = Field(default_factory=utc_now)
    expires_at: datetime | None = None
    # Of former holds; other bookings are confirmed at ``created_at``.
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    # The ``starts_at`` of the last reminder: an event that is moved gets another one.
    reminded_of: datetime | None = None


class Ticket(Base, table=True):
    """A booked seat with its price and code; it stays when the seat is sold again."""

    __table_args__ = (
        # check-in by code
        Index("uq_ticket_code", "code", unique=True),
    )

    booking_id: UUID = Field(primary_key=True, foreign_key="booking.id", ondelete="CASCADE")
    seat_id: UUID = Field(primary_key=True)
    position: int
    section: str | None = None
    row_name: str | None = None
    number: int | None = None
    price: int
    code: str
    checked_in_at: datetime | None = None


class SeatAllowance(Base, table=True):
    """The number of seats of an event that one person has or waits for; its CHECK is the limit per person."""

    __tablename__: ClassVar[str] = "seat_allowance"
    __table_args__ = (
        CheckConstraint("seats >= 0", name="not_negative"),
        CheckConstraint("seats <= max_seats", name="limit"),
    )

    event_id: UUID = Field(primary_key=True, foreign_key="event.id", ondelete="CASCADE")
    user_id: UUID = Field(primary_key=True)
    seats: int
    max_seats: int


class WaitlistEntry(Base, table=True):
    """A person's group on the waitlist of an event; deleted when it leaves, confirms or lets the offer lapse.

    It waits while it has no booking; the booking is the hold of its offer.
    """

    __tablename__: ClassVar[str] = "waitlist_entry"
    __table_args__ = (
        CheckConstraint("quantity >= 1", name="quantity"),
        # the first waiting entry, and whether there is one
        Index(
            "ix_waitlist_entry_waiting", "event_id", "place",
            postgresql_where=text("booking_id IS NULL"),
        ),
        # the entry of an offer that is confirmed, cancelled or lapses
        Index(
            "uq_waitlist_entry_booking", "booking_id", unique=True,
            postgresql_where=text("booking_id IS NOT NULL"),
        ),
        # GET /waitlist, and entries of an erased account
        Index("ix_waitlist_entry_user", "user_id", "place"),
        # the smallest waiting group of each event
        Index(
            "ix_waitlist_entry_smallest", "event_id", "quantity",
            postgresql_where=text("booking_id IS NULL"),
        ),
    )  # fmt: skip

    event_id: UUID = Field(primary_key=True, foreign_key="event.id", ondelete="CASCADE")
    user_id: UUID = Field(primary_key=True)
    # The order of joining: the lock on the event makes it the order of commits. The position among those
    # who wait is counted from it.
    place: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), nullable=False)
    )
    quantity: int
    times_passed: int = 0
    joined_at: datetime = Field(default_factory=utc_now)
    booking_id: UUID | None = Field(default=None, foreign_key="booking.id")


class SeatTally(Base, table=True):
    """The numbers of held and booked seats of an event: sums over its rows.

    A booking inserts a row and updates none, so that a hot event has no hot row; maintenance.fold_tallies
    sums rows up. For display only: what may be sold is decided on the seats.
    """

    __tablename__: ClassVar[str] = "seat_tally"
    __table_args__ = (
        Index("ix_seat_tally_event", "event_id"),
        # rows since the last fold
        Index("ix_seat_tally_new", "event_id", postgresql_where=text("NOT folded")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID = Field(foreign_key="event.id", ondelete="CASCADE")
    held: int = 0
    booked: int = 0
    folded: bool = False


class IdempotencyKey(Base, table=True):
    """The booking that a client made under its own key: a repeated request returns it."""

    __tablename__: ClassVar[str] = "idempotency_key"
    __table_args__ = (
        # the sweeper: keys older than a day
        Index("ix_idempotency_key_created", "created_at"),
    )

    user_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    booking_id: UUID
    created_at: datetime = Field(default_factory=utc_now)


class StaleTag(Base, table=True):
    """A cache tag that a committed change has made stale; deleted once Redis has its new version."""

    __tablename__: ClassVar[str] = "stale_tag"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    tag: str


class OrganizerMessage(Base, table=True):
    """What an organizer has written to all who are guests at that moment (``guest_ids``), until each has
    a message of it in the outbox; ``written`` is how many have."""

    __tablename__: ClassVar[str] = "organizer_message"
    __table_args__ = (
        ForeignKeyConstraint(["event_id"], ["event.id"], ondelete="CASCADE"),
        # delete of an event
        Index("ix_organizer_message_event", "event_id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    event_id: UUID
    subject: str
    body: str
    guest_ids: list[UUID] = Field(sa_type=ARRAY(Uuid()))
    written: int = 0
    created_at: datetime = Field(default_factory=utc_now)


class ErasedUser(ErasedUserRow, Base, table=True):
    pass


class OutboxMessage(OutboxRow, Base, table=True):
    __table_args__ = outbox_indexes()
