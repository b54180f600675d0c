"""Scans of tickets at a door: at once, or later where there was no network."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.ticket_codes import normalize_ticket_code
from event_service.checkin.schemas import CheckedInSeat
from event_service.checkin.service import count_checked_in, lock_ticket, lock_ticket_of_seat
from event_service.doors.access import Door, DoorKey, note_use, open_door
from event_service.doors.schemas import (
    ConflictPublic,
    DoorGuest,
    DoorGuests,
    DoorPublic,
    Scan,
    ScanAnswer,
    ScanAnswers,
    ScanResult,
)
from event_service.doors.sql import statements
from event_service.events.queries import require_organizer
from event_service.metrics import count_check_in
from event_service.models import Booking, DoorScan, Ticket
from event_service.problems import UnknownTicket
from service_kit.clock import utc_now
from service_kit.database.engine import Database, sql_connection
from service_kit.problems import NotAuthenticated
from service_kit.web.paging import Page, Paging

SCANS_PER_TICKET = 20
MAX_GUESTS = 30
LATE = "The event is over: only scans from before its end are taken."


async def show_door(session: AsyncSession, event_id: UUID, key: DoorKey) -> DoorPublic:
    door = await open_door(session, event_id, key, now=utc_now())
    event = door.event
    return DoorPublic(
        event_id=event.id,
        title=event.title,
        venue=event.venue,
        city=event.city,
        timezone=event.timezone,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        door=door.link.name if door.link else None,
        checked_in=await count_checked_in(session, event_id),
        capacity=event.capacity,
    )


async def read_snapshot(session: AsyncSession, event_id: UUID, key: DoorKey) -> str:
    """JSON in the form of DoorSnapshot, which PostgreSQL writes: an event may have 100,000 tickets."""
    await open_door(session, event_id, key, now=utc_now())
    connection = await sql_connection(session)
    snapshot: str = await statements.read_snapshot.value(connection, event_id=event_id)
    return snapshot


async def take_scans(
    database: Database, event_id: UUID, scans: Sequence[Scan], key: DoorKey
) -> ScanAnswers:
    """Each scan is a transaction of its own; what was taken before an error is known when it comes again."""
    now = utc_now()
    async with database.transaction() as session:
        door = await open_door(session, event_id, key, now=now, takes_late_scans=True)
        _check_time(door, scans, now)
        if door.link is not None:
            await note_use(session, door.link.id)
    link_id = door.link.id if door.link else None
    results = [
        await database.run(partial(_take_scan, event_id=event_id, scan=scan, link_id=link_id))
        for scan in scans
    ]
    async with database.transaction() as session:
        checked_in = await count_checked_in(session, event_id)
    return ScanAnswers(results=results, checked_in=checked_in, capacity=door.event.capacity)


def _check_time(door: Door, scans: Sequence[Scan], now: datetime) -> None:
    """Raises NotAuthenticated: after the end a link takes what was scanned before, and nothing else."""
    if door.link is None or now < door.event.ends_at:
        return
    if any((scan.scanned_at or now) > door.event.ends_at for scan in scans):
        raise NotAuthenticated(LATE)


async def _take_scan(
    session: AsyncSession, event_id: UUID, scan: Scan, link_id: UUID | None
) -> ScanAnswer:
    """Admits with a ticket once: of scans of one ticket the first that arrives does."""
    try:
        booking, ticket = await _lock_scanned(session, event_id, scan)
    except UnknownTicket:
        count_check_in("door", "unknown-ticket")
        code = normalize_ticket_code(scan.ticket_code) if scan.ticket_code else None
        return ScanAnswer(id=scan.id, result=ScanResult.UNKNOWN_TICKET, ticket_code=code)
    known = await session.scalar(
        select(DoorScan).where(col(DoorScan.event_id) == event_id, col(DoorScan.id) == scan.id)
    )
    is_known = known is not None and known.seat_id == ticket.seat_id
    is_admitted = known.is_admitted if known and is_known else ticket.checked_in_at is None
    door = None if is_admitted else await _admitting_door(session, ticket)
    if not is_known:
        await _record(session, event_id, scan, link_id, booking, ticket, is_admitted=is_admitted)
    result = ScanResult.CHECKED_IN if is_admitted else ScanResult.ALREADY_CHECKED_IN
    return ScanAnswer(
        id=scan.id,
        result=result,
        ticket_code=ticket.code,
        guest_name=booking.guest_name,
        seat=_seat(ticket),
        checked_in_at=ticket.checked_in_at,
        checked_in_door=door,
    )


async def _lock_scanned(
    session: AsyncSession, event_id: UUID, scan: Scan
) -> tuple[Booking, Ticket]:
    if scan.seat_id is not None:
        return await lock_ticket_of_seat(session, event_id, scan.seat_id)
    assert scan.ticket_code is not None
    return await lock_ticket(session, event_id, scan.ticket_code)


async def _admitting_door(session: AsyncSession, ticket: Ticket) -> str | None:
    connection = await sql_connection(session)
    name: str | None = await statements.admitting_door.value(
        connection, booking_id=ticket.booking_id, seat_id=ticket.seat_id
    )
    return name


async def _record(
    session: AsyncSession,
    event_id: UUID,
    scan: Scan,
    link_id: UUID | None,
    booking: Booking,
    ticket: Ticket,
    *,
    is_admitted: bool,
) -> None:
    now: datetime = (await session.execute(select(func.now()))).scalar_one()
    # The clock of a phone may be wrong.
    scanned_at = max(min(scan.scanned_at or now, now), booking.created_at)
    if is_admitted:
        ticket.checked_in_at = scanned_at
        await session.flush()
        count_check_in("door")
    else:
        count_check_in("door", "already-checked-in")
    await statements.add_scan.run(
        await sql_connection(session),
        event_id=event_id,
        id=scan.id,
        door_link_id=link_id,
        booking_id=ticket.booking_id,
        seat_id=ticket.seat_id,
        scanned_at=scanned_at,
        is_admitted=is_admitted,
        scans=SCANS_PER_TICKET,
    )


async def find_guests(session: AsyncSession, event_id: UUID, name: str, key: DoorKey) -> DoorGuests:
    """Valid tickets whose guest's name has ``name`` in it, in the order of names."""
    await open_door(session, event_id, key, now=utc_now())
    rows = await statements.find_guests.rows(
        await sql_connection(session), event_id=event_id, name=name, limit=MAX_GUESTS + 1
    )
    items = [
        DoorGuest(guest_name=row.guest_name, seat=_seat(row), checked_in_at=row.checked_in_at)
        for row in rows[:MAX_GUESTS]
    ]
    return DoorGuests(items=items, has_more=len(rows) > MAX_GUESTS)


async def undo_check_in(
    session: AsyncSession, event_id: UUID, ticket_code: str, *, key: DoorKey
) -> None:
    """Safe to repeat. Raises UnknownTicket."""
    await open_door(session, event_id, key, now=utc_now())
    _, ticket = await lock_ticket(session, event_id, ticket_code)
    ticket.checked_in_at = None
    await session.flush()


async def list_conflicts(
    session: AsyncSession, event_id: UUID, paging: Paging, *, owner: UUID | None
) -> Page[ConflictPublic]:
    """``owner`` as in ``require_organizer``."""
    await require_organizer(session, event_id, owner)
    after = paging.after(datetime, UUID) or (None, None)
    rows = await statements.list_conflicts.rows(
        await sql_connection(session),
        event_id=event_id,
        after_time=after[0],
        after_id=after[1],
        limit=paging.limit + 1,
    )
    shown, cursor = paging.page(rows, lambda row: (row.received_at, row.id))
    items = [ConflictPublic(**dict(row), seat=_seat(row)) for row in shown]
    return Page(items=items, next_cursor=cursor)


def _seat(ticket: Ticket) -> CheckedInSeat:
    return CheckedInSeat(
        id=ticket.seat_id, section=ticket.section, row=ticket.row_name, number=ticket.number
    )
