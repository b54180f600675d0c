"""What the service asks of a large database is found by an index, and few pages are read for it."""

import itertools
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from event_service import maintenance
from event_service.attendees import bookings as attendees
from event_service.attendees.queries import ROWS_PER_BATCH, ticket_batches
from event_service.bookings import queries as bookings
from event_service.bookings import reminders
from event_service.bookings.schemas import BookingQuery, OrganizerBookingQuery
from event_service.bookings.sql import statements
from event_service.bookings.waitlist import queries as waitlist
from event_service.events import queries as events
from event_service.events.lists import list_events
from event_service.events.schemas import EventQuery
from event_service.models import OutboxMessage
from event_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.messaging.outbox import OutboxQueries
from service_kit.web.paging import Paging, encode_cursor
from tests.conftest import FreshDatabase
from tests.events.many_events import HOT_EVENT, ORGANIZER, REGULAR, make_many
from tests.events.plans import Ask, Observer, Plan, observed

# Tables that are never read from end to end, however few rows a filter leaves.
LARGE = {
    "event", "booking", "ticket", "seat", "seat_tally", "seat_allowance", "outbox",
    "idempotency_key", "event_search", "search_spelling",
}  # fmt: skip
# A page of 20 costs some 10 pages a row, with its seats; a scan of ``event`` costs 7,700, one of any
# of its indexes 900. Where two filters meet, or words, there may be some rows to read in vain.
PAGES, PAGES_OF_A_MEETING = 400, 4_000
# Of few events PostgreSQL may also fetch all and sort them.
PAGES_OF_FEW = 1_000
# A page of 20 bookings: five for each event.
PAGES_OF_LITTLE, PAGES_OF_A_SWEEP, PAGES_OF_A_BATCH = 400, 1_000, 2_500
PAGES_A_DAY = 4_000

FILTERS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "q": {"q": "violinists"},
    "q-in-russian": {"q": "скрипач"},
    "q-of-many": {"q": "концерты"},
    "q-of-few": {"q": "виолончелисты"},
    "q-with-typo": {"q": "виолончлист"},
    "q-with-typo-of-many": {"q": "концрт"},
    "q-of-beginning": {"q": "violin"},
    "q-of-two-words": {"q": "concert cell"},
    "city": {"city": "City 38"},
    "small-city": {"city": "city 12"},
    "category": {"category": "Category 18"},
    "small-category": {"category": "category 1"},
    "organizer": {"organizer": UUID(ORGANIZER)},
    "dates": {
        "starts_from": datetime.now(UTC) + timedelta(days=30),
        "starts_to": datetime.now(UTC) + timedelta(days=60),
    },
}
PAIRS = [
    (one, other)
    for one, other in itertools.combinations([name for name in FILTERS if name != "nothing"], 2)
    if not FILTERS[one].keys() & FILTERS[other].keys()
]
SORTS = ("starts_at", "-starts_at", "-created_at")
SEARCHES = [name for name in FILTERS if name.startswith("q")]
# Up to 5,000 events are put in order, and of more the next 200 of each kind of match.
PAGES_OF_A_SEARCH = 60_000
# In another order five pages for each event that matches, of 2,000 here.
PAGES_OF_WORDS = 12_000


@pytest.fixture
async def observer(
    settings: Settings, postgres_url: str, fresh_database: FreshDatabase
) -> AsyncIterator[Observer]:
    url = await make_many(postgres_url, fresh_database)
    async with observed(
        Settings.model_validate(settings.model_dump() | {"database_url": url})
    ) as o:
        yield o


async def plans_of_list(
    observer: Observer, *, owner: UUID | None = None, without: str | None = None, **query: Any
) -> list[Plan]:
    """Of the first page, and of one that a cursor leads to."""
    wanted = EventQuery(**query)

    def page(cursor: str | None) -> Ask:
        async def ask(database: Database) -> str | None:
            async with database.transaction() as session:
                found, _ = await list_events(session, wanted, Paging(20, cursor), owner=owner)
            return found.next_cursor

        return ask

    cursor = await page(None)(observer.database)
    assert isinstance(cursor, str | None)
    pages = page(None), page(cursor)
    return [plan for ask in pages for plan in await observer.plans(ask, without=without)]


def check(
    plans: list[Plan], *, pages: int = PAGES, large: AbstractSet[str] = frozenset(LARGE)
) -> None:
    assert plans
    for plan in plans:
        assert not plan.scanned & large, str(plan)
        assert plan.pages <= pages, str(plan)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("name", [name for name in FILTERS])
async def test_a_page_of_the_list_is_found_by_an_index(
    observer: Observer, name: str, sort: str
) -> None:
    plans = await plans_of_list(observer, sort=sort, **FILTERS[name])
    few = PAGES_OF_FEW if name.startswith("small-") else PAGES
    check(plans, pages=PAGES_OF_WORDS if name in SEARCHES else few)


@pytest.mark.parametrize(("one", "other"), PAIRS)
async def test_two_filters_read_no_more_than_where_they_meet(
    observer: Observer, one: str, other: str
) -> None:
    for sort in SORTS:
        plans = await plans_of_list(observer, sort=sort, **FILTERS[one], **FILTERS[other])
        check(plans, pages=PAGES_OF_WORDS if one in SEARCHES else PAGES_OF_A_MEETING)


@pytest.mark.parametrize("name", SEARCHES)
async def test_the_best_matches_are_found_by_an_index(observer: Observer, name: str) -> None:
    check(await plans_of_list(observer, **FILTERS[name]), pages=PAGES_OF_A_SEARCH)


@pytest.mark.parametrize("sort", SORTS)
async def test_ones_own_list_is_found_by_an_index(observer: Observer, sort: str) -> None:
    check(await plans_of_list(observer, owner=UUID(ORGANIZER), organizer="me", sort=sort))


def of(query: Any, *arguments: Any, **named: Any) -> Ask:
    """Asks with a session of its own: ``of(events.get_event, event_id, viewer=None)``."""

    async def ask(database: Database) -> None:
        async with database.transaction() as session:
            await query(session, *arguments, **named)

    return ask


def of_sql(statement: str, **values: Any) -> Ask:
    async def ask(database: Database) -> None:
        async with database.sql_transaction() as connection:
            await getattr(statements, statement).rows(connection, **values)

    return ask


HOT, GUEST = UUID(HOT_EVENT), UUID(REGULAR)
BOOKING = UUID("019b0000-0000-7000-8000-000000009001")
CURSOR = encode_cursor([BOOKING])
OUTBOX = OutboxQueries(OutboxMessage)
SMALL: dict[str, Ask] = {
    "event": of(events.get_event, HOT, viewer=None),
    "availability": of(events.get_availability, HOT, viewer=None),
    "booking": of(bookings.get_booking, BOOKING, user_id=GUEST),
    "own bookings": of(bookings.list_bookings, GUEST, BookingQuery(), Paging(20)),
    "own bookings, later": of(bookings.list_bookings, GUEST, BookingQuery(), Paging(20, CURSOR)),
    "own bookings of an event": of(
        bookings.list_bookings, GUEST, BookingQuery(event_id=HOT), Paging(20)
    ),
    "own confirmed bookings": of(
        bookings.list_bookings, GUEST, BookingQuery(status="confirmed"), Paging(20)
    ),
    "an event's bookings": of(
        attendees.list_event_bookings, HOT, OrganizerBookingQuery(), Paging(20)
    ),
    "an event's bookings, later": of(
        attendees.list_event_bookings, HOT, OrganizerBookingQuery(), Paging(20, CURSOR)
    ),
    "an event's cancelled bookings": of(
        attendees.list_event_bookings, HOT, OrganizerBookingQuery(status="cancelled"), Paging(20)
    ),
    "an idempotency key": of(bookings.find_idempotency_key, GUEST, "key"),
    "whether the line is due": of_sql("is_waitlist_due", event_id=HOT),
    "one's entry in the line": of(waitlist.find_entry, HOT, GUEST),
    "whose holds have ended": of_sql("lock_unlocked_lapsed_holds", event_id=HOT, holds=1_000),
    "one's holds that have ended": of_sql(
        "lock_lapsed_holds_of_user", event_id=HOT, user_id=GUEST, holds=1_000
    ),
    "free seats for the line": of_sql("lock_free_seats", event_id=HOT, price=1, groups=200),
    "groups that fit": of_sql("list_next_groups", event_id=HOT, after=0, seats=9, groups=200),
    "tickets to cancel": of_sql("find_tickets", booking_id=BOOKING, seat_ids=[BOOKING]),
    "messages that are due": of(OUTBOX.claim, limit=100, lease=timedelta(seconds=30)),
    "messages that nobody confirmed": of(
        OUTBOX.unconfirmed, older_than=timedelta(seconds=15), limit=100
    ),
    "messages that are done with": of(OUTBOX.purge, older_than=timedelta(days=7), limit=1_000),
}


@pytest.mark.parametrize("name", SMALL)
async def test_what_is_asked_often_reads_few_pages(observer: Observer, name: str) -> None:
    check(await observer.plans(SMALL[name]), pages=PAGES_OF_LITTLE)


async def test_a_batch_of_attendees_begins_where_the_last_one_ended(observer: Observer) -> None:
    async def first_two(database: Database) -> None:
        asked = 0
        async for rows in ticket_batches(database, HOT, None):
            assert len(rows) == ROWS_PER_BATCH
            asked += 1
            if asked == 2:
                return

    plans = await observer.plans(first_two)
    assert len(plans) == 2
    check(plans, pages=PAGES_OF_A_BATCH)


SWEEPS: dict[str, Ask] = {
    "due events": of_sql("list_due_events", events=100),
    "reminders": of(reminders.add_reminders),
    "tallies": maintenance.fold_tallies,
    "idempotency keys": lambda database: maintenance.forget_idempotency_keys(
        database, timedelta(hours=24)
    ),
}


@pytest.mark.parametrize("name", SWEEPS)
async def test_what_runs_every_second_reads_what_is_due(observer: Observer, name: str) -> None:
    # A day's events are many here, and each is asked whether it has a guest to remind: some pages an
    # event, however many bookings there are.
    pages = PAGES_A_DAY if name == "reminders" else PAGES_OF_A_SWEEP
    check(await observer.plans(SWEEPS[name]), pages=pages)


@pytest.mark.parametrize(
    ("index", "query"),
    [
        ("ix_event_starts", {}),
        ("ix_event_created", {"sort": "-created_at"}),
        ("ix_event_city_plain", {"city": "City 3"}),
        ("ix_event_category_plain", {"category": "Category 1"}),
        ("ix_event_organizer", {"organizer": UUID(ORGANIZER)}),
        ("ix_event_search_words", {"q": "виолончелисты", "sort": "starts_at"}),
        ("ix_search_spelling", {"q": "виолончлист", "sort": "starts_at"}),
    ],
)
async def test_control_without_its_index_a_list_reads_too_much(
    observer: Observer, index: str, query: dict[str, Any]
) -> None:
    """If this fails, the tests above show nothing."""
    with_index = await plans_of_list(observer, **query)
    check(with_index)
    assert any(index in plan.indexes for plan in with_index)
    without = await plans_of_list(observer, without=index, **query)
    with pytest.raises(AssertionError):
        check(without)
