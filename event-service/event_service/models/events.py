"""Events, what a search reads of them, and what their organizers write to the guests."""

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
from sqlmodel import Field

from event_service.models.base import Base, partial_index
from event_service.statuses import EnumText, EventStatus, SeatingKind, one_of
from service_kit.clock import utc_now
from service_kit.ids import new_id

# The Russian configuration stems Cyrillic words as Russian and Latin ones as English.
SEARCH_CONFIG = "russian"
_SEARCH = " || ".join(
    f"setweight(to_tsvector('{SEARCH_CONFIG}'::regconfig, {column}::text), '{weight}'::\"char\")"
    for column, weight in (("title", "A"), ("venue", "B"), ("city", "B"), ("description", "C"))
)
IS_PUBLISHED = f"status = '{EventStatus.PUBLISHED}'"


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
        partial_index("ix_event_starts", "starts_at", "id", where=IS_PUBLISHED),
        # GET /events?sort=-created_at
        partial_index("ix_event_created", "created_at", "id", where=IS_PUBLISHED),
        # GET /events?city= and ?category=; the statistics event_place_plain have their common values
        partial_index(
            "ix_event_city_plain", text("event_plain(city)"), "starts_at", "id", where=IS_PUBLISHED
        ),
        partial_index(
            "ix_event_category_plain",
            text("event_plain(category)"),
            "starts_at",
            "id",
            where=IS_PUBLISHED,
        ),
        # Only the previous release reads these two, and ``search`` with its index.
        partial_index("ix_event_city", text("lower(city)"), "starts_at", "id", where=IS_PUBLISHED),
        partial_index(
            "ix_event_category", text("lower(category)"), "starts_at", "id", where=IS_PUBLISHED
        ),
        # GET /events?organizer=
        Index("ix_event_organizer", "organizer_id", "starts_at", "id"),
        Index("ix_event_search", "search", postgresql_using="gin"),
    )

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
    organizer_name: str | None = None
    payment_note: str | None = None
    doors_at: datetime | None = None
    # Of the stored image; None without one.
    image_hash: str | None = None
    status: EventStatus = Field(
        default=EventStatus.DRAFT, sa_column=Column(EnumText(EventStatus), nullable=False)
    )
    seating: SeatingKind = Field(sa_column=Column(EnumText(SeatingKind), nullable=False))
    capacity: int
    price: int = 0
    currency: str = "EUR"
    max_seats_per_user: int = 10
    # False only for the event that the smoke test books: in no list and no search, and open by its id.
    is_listed: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    version: int = 1
    # See rules.terms_since.
    terms_version: int | None = Field(default=None, exclude=True)
    terms_checked_version: int | None = Field(default=None, exclude=True)
    cancel_reason: str | None = None
    created_at: datetime = Field(default_factory=utc_now)
    updated_at: datetime = Field(default_factory=utc_now)
    search: str | None = Field(
        default=None, sa_column=Column(TSVECTOR, Computed(_SEARCH, persisted=True)), exclude=True
    )


def _gin(name: str, column: str) -> Index:
    # Without the pending list, which every search would read as well.
    return Index(name, column, postgresql_using="gin", postgresql_with={"fastupdate": "off"})


class EventImage(Base, table=True):
    """The image of an event in one width; see images/. In the database, so that every replica has it, and
    each backup."""

    __tablename__: ClassVar[str] = "event_image"

    event_id: UUID = Field(primary_key=True, foreign_key="event.id", ondelete="CASCADE")
    width: int = Field(primary_key=True)
    hash: str
    content: bytes


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


class OrganizerMessage(Base, table=True):
    """What an organizer has written to all who are guests at that moment (``guest_ids``), until each has
    a message of it in the outbox; ``written`` is how many have.

    ``attempts`` counts those since the last batch that was written, ``next_attempt_at`` is when the
    message is due."""

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
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    next_attempt_at: datetime = Field(
        default_factory=utc_now, sa_column_kwargs={"server_default": text("now()")}
    )
