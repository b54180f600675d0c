"""The erasure of an account: waitlist entries, holds, drafts and halls are removed, active events are
cancelled, names leave bookings; confirmed bookings stay, for the organizer's counts.

Each event and draft is a transaction of its own, so is each batch of keys and names, and a pass is
bounded: an account may have thousands. The relay continues what a pass has left, and finds what was
committed at the same moment.
"""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.expire import HOLDS_PER_BATCH
from event_service.bookings.sql import statements
from event_service.bookings.transitions import end_bookings
from event_service.bookings.waitlist.queries import remove_entry
from event_service.erasures import queries
from event_service.events.service import cancel_for_erased_organizer, delete_event
from event_service.metrics import HOLDS_CANCELLED
from event_service.models import ErasedUser, Event
from event_service.statuses import BookingStatus
from service_kit.clock import utc_now
from service_kit.database.engine import Database, sql_connection
from service_kit.metrics import count
from service_kit.problems import NotFound, Problem
from service_kit.web.erasures import note_erasure

EVENTS_PER_PASS = 50
DRAFTS_PER_PASS = 5
KEYS_PER_PASS = 1_000
NAMES_PER_PASS = 1_000
PASS_SECONDS = 2.0


async def erase_account(
    database: Database, user_id: UUID, *, offer_for: timedelta, state: Any
) -> None:
    """Refuses the account's tokens from now on, and runs the first pass; safe to repeat.

    ``state`` is that of the application.
    """
    await database.run(partial(_note, user_id, state))
    await run_erasure_pass(database, user_id, offer_for=offer_for)


async def _note(user_id: UUID, state: Any, session: AsyncSession) -> None:
    await note_erasure(session, ErasedUser, user_id, state=state)


async def finish_erasures(database: Database, *, offer_for: timedelta) -> bool:
    """Runs a pass for one account whose erasure is not finished; returns whether there was one."""
    async with database.transaction() as session:
        unfinished = await queries.list_unfinished(session, limit=1)
    for user_id in unfinished:
        await run_erasure_pass(database, user_id, offer_for=offer_for)
    return bool(unfinished)


async def run_erasure_pass(database: Database, user_id: UUID, *, offer_for: timedelta) -> None:
    """One pass, bounded in time and in the number of events, drafts, keys and names."""
    until = asyncio.get_running_loop().time() + PASS_SECONDS
    async with database.transaction() as session:
        events = await queries.list_events_to_leave(session, user_id, limit=EVENTS_PER_PASS)
        upcoming = await queries.list_upcoming_events(session, user_id, limit=EVENTS_PER_PASS)
        drafts = await queries.list_drafts(session, user_id, limit=DRAFTS_PER_PASS)
        await session.execute(queries.DELETE_KEYS, {"user_id": user_id, "limit": KEYS_PER_PASS})
        await session.execute(queries.DELETE_HALLS, {"user_id": user_id})
        await session.execute(queries.REMOVE_NAMES, {"user_id": user_id, "limit": NAMES_PER_PASS})
    steps = [partial(_leave_event, event_id, user_id, offer_for) for event_id in events]
    # auth-service checks for active events before it erases; these were published in between.
    steps += [partial(_cancel_event, event_id, user_id) for event_id in upcoming]
    steps += [partial(_delete_draft, event_id, user_id) for event_id in drafts]
    for step in steps:
        if asyncio.get_running_loop().time() > until:
            break
        await database.run(step)


async def _leave_event(
    event_id: UUID, user_id: UUID, offer_for: timedelta, session: AsyncSession
) -> None:
    """Locks the event as for leaving the waitlist, so that no seat becomes free unnoticed."""
    event = await session.scalar(
        select(Event).where(col(Event.id) == event_id).with_for_update(key_share=True)
    )
    if event is None:
        return
    connection = await sql_connection(session)
    holds = await statements.lock_holds_of_user.rows(
        connection, event_id=event_id, user_id=user_id, holds=HOLDS_PER_BATCH
    )
    # Before seats become free, or they would be offered to the account itself.
    await remove_entry(connection, event_id, user_id)
    if holds:
        booking_ids, cancelled = [hold.id for hold in holds], BookingStatus.CANCELLED
        await end_bookings(
            connection, event, booking_ids, cancelled, now=utc_now(), offer_for=offer_for
        )
        count(HOLDS_CANCELLED.labels("account-erased"), len(holds))


async def _cancel_event(event_id: UUID, user_id: UUID, session: AsyncSession) -> None:
    try:
        await cancel_for_erased_organizer(session, event_id, organizer_id=user_id, now=utc_now())
    except NotFound:
        # Deleted since it was listed.
        return


async def _delete_draft(event_id: UUID, user_id: UUID, session: AsyncSession) -> None:
    try:
        await delete_event(session, event_id, by=user_id)
    except Problem:
        # Published or deleted since it was listed.
        return
