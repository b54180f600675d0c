"""Writes down how an attempt at a mail ended."""

import asyncio
import time
from datetime import timedelta

import sentry_sdk
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.backoff import retry_delay
from notification_service.delivery.outcomes import (
    Dropped,
    Failed,
    NotTried,
    Outcome,
    Postponed,
    Sent,
    Taken,
    Waiting,
)
from notification_service.delivery.post_office import PostOffice
from notification_service.delivery.queries import Claim, finish
from notification_service.delivery.smtp import DeliveryUnconfirmed
from service_kit.clock import utc_now
from service_kit.database.errors import DATABASE_ERRORS

log = structlog.get_logger()


def may_have_gone(outcome: Outcome) -> bool:
    """Whether the mail server may have the mail."""
    if isinstance(outcome, Postponed):
        return isinstance(outcome.error, DeliveryUnconfirmed)
    return isinstance(outcome, Sent)


async def write_down(office: PostOffice, held: Claim, outcome: Outcome) -> None:
    """Insists while the lease lasts: a mail that is sent and not known to be is sent again."""
    until = time.monotonic() + office.settings.lease_seconds / 2
    pause = 0.1
    while True:
        try:
            await _write_down_once(office, held, outcome)
            return
        except DATABASE_ERRORS as error:
            if time.monotonic() + pause > until:
                raise
            log.warning("mail.outcome_not_kept", notification_id=str(held.id), exc_info=error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 2.0)


async def _write_down_once(office: PostOffice, held: Claim, outcome: Outcome) -> None:
    async with office.statement() as connection:
        match outcome:
            case Sent():
                await finish(connection, held, "sent", has_gone=True)
            case Dropped(note=note, forget=forget):
                await finish(connection, held, "dropped", note, forget=forget)
            case Failed(reason=reason, error=error):
                await _fail(connection, held, reason, error)
            case Postponed():
                await _postpone(office, connection, held, outcome)
            case Waiting(waits_for=reason, delay=delay):
                note = outcome.note
                await finish(connection, held, "queued", note, delay=delay, waits_for=reason)
            case NotTried():
                await finish(connection, held, "queued")
            case Taken():
                log.warning("mail.lease_lost", notification_id=str(held.id))


async def _fail(
    connection: AsyncConnection,
    held: Claim,
    reason: str,
    error: BaseException,
    *,
    has_gone: bool = False,
) -> None:
    if await finish(connection, held, "failed", reason, error=reason, has_gone=has_gone):
        tell_operators(error, notification_id=str(held.id), kind=held.kind)


async def _postpone(
    office: PostOffice, connection: AsyncConnection, held: Claim, outcome: Postponed
) -> None:
    settings = office.settings
    delay = retry_delay(held.attempts, is_outage=outcome.because == "outage", settings=settings)
    now = utc_now()
    give_up_at = held.give_up_at or now + timedelta(hours=settings.give_up_after_hours)
    has_gone = may_have_gone(outcome)
    if now + delay > give_up_at:
        reason = f"Given up after {settings.give_up_after_hours:g} hours. {outcome.reason}"
        await _fail(connection, held, reason, outcome.error, has_gone=has_gone)
        return
    await finish(
        connection,
        held,
        "queued",
        outcome.reason,
        error=outcome.reason,
        delay=delay,
        give_up_at=give_up_at,
        has_gone=has_gone,
    )


def tell_operators(error: BaseException, **tags: str) -> None:
    """To the log and, once for each mail that comes to nothing, to Sentry."""
    log.error("mail.failed", exc_info=error, **tags)
    with sentry_sdk.new_scope() as scope:
        for name, value in tags.items():
            scope.set_tag(name, value)
        sentry_sdk.capture_exception(error)
