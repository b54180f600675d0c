"""Periodic work of event-service, run by the relay's process. Every function is safe to repeat and to
run in several processes at once; it returns whether there may be more to do at once."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

import asyncpg
import sentry_sdk
import structlog
from sqlalchemy import delete, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.expire import expire_holds_and_offer_seats
from event_service.bookings.reminders import add_reminders
from event_service.bookings.waitlist.queries import (
    ENTRIES_PER_BATCH,
    delete_entries_of_past_events,
    list_due_events,
)
from event_service.cache import EVENT_LIST_TAG, TAG_PREFIX, TagVersions, event_tag
from event_service.erasures import service as erasures
from event_service.events.organizer_messages import claim_next_message, write_batch
from event_service.models import ErasedUser, IdempotencyKey, StaleTag
from event_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.engine import Database
from service_kit.database.errors import LOCK_NOT_AVAILABLE, sqlstate
from service_kit.database.purging import delete_in_batches
from service_kit.database.tables import table_of
from service_kit.messaging.periodic import PeriodicJob
from service_kit.redis_clients import AcceleratorRedis
from service_kit.web.erasures import purge_erasures

EVENTS_PER_FOLD = 500
TAGS_PER_SWEEP = 500
HOUR_SECONDS = 3600.0
EVENTS_PER_SWEEP = 100
SHORT_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '200ms'"

log = structlog.get_logger()

# Replaces the rows of each event that has unfolded ones by one row with their sum. SKIP LOCKED lets two
# processes share the work. An event that its organizer has locked is left for the next run: the foreign
# key of the new row would wait for it, and all other events with it.
_FOLD = text("""
    WITH changed AS MATERIALIZED (
        SELECT id FROM event WHERE id IN (SELECT event_id FROM seat_tally WHERE NOT folded)
        LIMIT :limit FOR KEY SHARE SKIP LOCKED
    ), deleted AS (
        DELETE FROM seat_tally WHERE id IN (
            SELECT seat_tally.id FROM seat_tally JOIN changed ON changed.id = seat_tally.event_id
            FOR UPDATE OF seat_tally SKIP LOCKED
        )
        RETURNING event_id, held, booked
    ), folded AS (
        INSERT INTO seat_tally (id, event_id, held, booked, folded)
        SELECT gen_random_uuid(), event_id, sum(held), sum(booked), true
        FROM deleted GROUP BY event_id
    )
    SELECT DISTINCT event_id FROM deleted
""")


def periodic_jobs(settings: Settings, database: Database) -> Sequence[PeriodicJob]:
    """What this service does by itself."""
    redis = AcceleratorRedis(settings.cache_redis_url.get_secret_value())
    versions = TagVersions(redis, prefix=TAG_PREFIX)
    keep_for = timedelta(hours=settings.idempotency_hours)
    finish = partial(finish_erasures, database, settings.offer_for)

    async def refresh_pages() -> bool:
        more = await fold_tallies(database)
        return await bump_stale_tags(database, versions) or more

    async def forget_erasures() -> None:
        # Not before all is ended, even if no relay ran for longer than the rows are kept.
        while await finish():
            pass
        await purge_erasures(database, ErasedUser, settings)

    return (
        PeriodicJob(refresh_pages, settings.tally_seconds),
        PeriodicJob(partial(sweep_holds, database, settings.offer_for), settings.sweep_seconds),
        PeriodicJob(partial(send_organizer_messages, database), settings.sweep_seconds),
        PeriodicJob(partial(remind_guests, database), settings.reminder_seconds),
        PeriodicJob(finish, settings.sweep_seconds),
        PeriodicJob(partial(end_waitlists, database), settings.reminder_seconds),
        PeriodicJob(partial(forget_idempotency_keys, database, keep_for), HOUR_SECONDS),
        PeriodicJob(forget_erasures, HOUR_SECONDS),
    )


async def fold_tallies(database: Database) -> bool:
    """Sums up the counts of new bookings, and marks the pages that show them as stale in the same commit."""
    async with database.transaction() as session:
        changed = list((await session.execute(_FOLD, {"limit": EVENTS_PER_FOLD})).scalars())
        tags = [event_tag(event_id) for event_id in changed]
        if changed:
            tags.append(EVENT_LIST_TAG)
        session.add_all([StaleTag(tag=tag) for tag in tags])
    return len(changed) == EVENTS_PER_FOLD


async def bump_stale_tags(database: Database, versions: TagVersions) -> bool:
    """Gives stale tags a new version in Redis; what cannot be written stays for the next run."""
    async with database.transaction() as session:
        rows = await session.execute(
            select(StaleTag)
            .order_by(col(StaleTag.id))
            .limit(TAGS_PER_SWEEP)
            .with_for_update(skip_locked=True)
        )
        tags = list(rows.scalars())
    if not tags or not await versions.bump(sorted({row.tag for row in tags})):
        return False
    async with database.transaction() as session:
        await session.execute(
            delete(StaleTag).where(col(StaleTag.id).in_([row.id for row in tags]))
        )
    return len(tags) == TAGS_PER_SWEEP


async def sweep_holds(database: Database, offer_for: timedelta) -> bool:
    """Expires holds whose time is over, and offers free seats to those who wait."""
    due = await database.run_sql(partial(list_due_events, limit=EVENTS_PER_SWEEP))
    done = 0
    for event_id in due:
        try:
            done += await database.run(partial(_sweep_event, event_id, offer_for))
        except (DBAPIError, asyncpg.PostgresError) as error:
            # One locked event does not stop the others.
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
            log.warning("sweep.event_is_locked", event_id=str(event_id))
    return bool(done)


async def _sweep_event(event_id: UUID, offer_for: timedelta, session: AsyncSession) -> int:
    await session.execute(text(SHORT_LOCK_TIMEOUT))
    return await expire_holds_and_offer_seats(
        session, event_id, now=utc_now(), offer_for=offer_for, skip_locked=True
    )


async def end_waitlists(database: Database) -> bool:
    """Removes waitlist entries of events that are over, without a mail, which would be of no use."""
    return await database.run_sql(delete_entries_of_past_events) == ENTRIES_PER_BATCH


async def finish_erasures(database: Database, offer_for: timedelta) -> bool:
    """Continues the erasure of an account that an earlier pass did not finish."""
    return await erasures.finish_erasures(database, offer_for=offer_for)


async def send_organizer_messages(database: Database) -> bool:
    """Writes to a batch of guests; whether there may be more."""
    async with database.transaction() as session:
        claim = await claim_next_message(session)
    if claim is None:
        return False
    try:
        async with database.transaction() as session:
            await write_batch(session, claim.message_id)
    except Exception as error:
        # It comes again by its claim, and holds up nobody.
        log.error(
            "organizer_message.failed",
            message_id=str(claim.message_id),
            attempts=claim.attempts,
            exc_info=error,
        )
        sentry_sdk.capture_exception(error)
    return True


async def remind_guests(database: Database) -> bool:
    async with database.transaction() as session:
        return bool(await add_reminders(session))


async def forget_idempotency_keys(database: Database, keep_for: timedelta) -> None:
    keys = table_of(IdempotencyKey)
    await delete_in_batches(database, keys, keys.c.created_at < func.now() - keep_for)
