"""Repairs that are more than a statement. They do what the service would have done."""

from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service import maintenance
from event_service.bookings.transitions import add_booking_messages
from event_service.doctor.sql import statements
from event_service.models import Booking, ErasedUser, Event
from event_service.rules import IS_CONFIRMED
from event_service.settings import Settings
from service_kit.database.engine import Database, sql_connection
from service_kit.doctor import Repair, rows_of, until_done
from service_kit.messaging.relay import KEPT_AFTER_CONFIRMATION
from service_kit.web.erasures import purge_erasures

# Not those whose message may be deleted in this very moment.
MESSAGES_KEPT_FOR = KEPT_AFTER_CONFIRMATION - timedelta(hours=1)

find_bookings_without_message = rows_of(
    statements.find_bookings_without_message, kept_for=MESSAGES_KEPT_FOR
)


async def write_missing_messages(database: Database) -> None:
    """The message has the key that it would have had, so that a mail that went out is not sent again."""
    for booking_id in await find_bookings_without_message(database):
        await database.run(partial(_write_message, UUID(booking_id)))


async def _write_message(booking_id: UUID, session: AsyncSession) -> None:
    booking = await session.scalar(
        select(Booking)
        .where(col(Booking.id) == booking_id, IS_CONFIRMED)
        .with_for_update(read=True, skip_locked=True)
    )
    if booking is None:
        return
    event = await session.get_one(Event, booking.event_id)
    connection = await sql_connection(session)
    await add_booking_messages(connection, "booking-confirmed", [booking_id], event)


def expire_holds(settings: Settings) -> Repair:
    async def repair(database: Database) -> None:
        await until_done(partial(maintenance.sweep_holds, database, settings.offer_for))

    return repair


def finish_erasures(settings: Settings) -> Repair:
    async def repair(database: Database) -> None:
        await until_done(partial(maintenance.finish_erasures, database, settings.offer_for))

    return repair


async def end_waitlists(database: Database) -> None:
    await until_done(partial(maintenance.end_waitlists, database))


async def fold_counts(database: Database) -> None:
    await until_done(partial(maintenance.fold_tallies, database))


def forget_keys(settings: Settings) -> Repair:
    async def repair(database: Database) -> None:
        keep_for = timedelta(hours=settings.idempotency_hours)
        await maintenance.forget_idempotency_keys(database, keep_for)

    return repair


def forget_erasures(settings: Settings) -> Repair:
    async def repair(database: Database) -> None:
        await purge_erasures(database, ErasedUser, settings)

    return repair
