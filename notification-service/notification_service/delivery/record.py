"""Step 4, record: writes the outcome of an attempt to the mail's row."""

import asyncio
import json
import time
from datetime import datetime, timedelta

import sentry_sdk
import structlog

from notification_service.delivery.backoff import retry_delay
from notification_service.delivery.claim import Claim
from notification_service.delivery.context import WorkerContext
from notification_service.delivery.outcome import (
    Dropped,
    Failed,
    LeaseLost,
    NotTried,
    Outcome,
    Postponed,
    Sent,
    Waiting,
    WaitReason,
)
from notification_service.delivery.sql import statements
from notification_service.metrics import count_finished
from notification_service.statuses import MailStatus
from notification_service.timeline import entry
from service_kit.clock import utc_now
from service_kit.database.errors import DATABASE_ERRORS
from service_kit.database.sql_files import SqlConnection

NO_DELAY = timedelta(0)

log = structlog.get_logger()


async def record_outcome(context: WorkerContext, claim: Claim, outcome: Outcome) -> None:
    """Repeats for half the lease while the database fails: a mail that is sent and not recorded as
    sent is sent again."""
    deadline = time.monotonic() + context.settings.lease_seconds / 2
    pause = 0.1
    while True:
        try:
            await _record_once(context, claim, outcome)
            return
        except DATABASE_ERRORS as error:
            if time.monotonic() + pause > deadline:
                raise
            log.warning("mail.outcome_not_recorded", notification_id=str(claim.id), exc_info=error)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 2.0)


async def _record_once(context: WorkerContext, claim: Claim, outcome: Outcome) -> None:
    async with context.sql() as connection:
        match outcome:
            case Sent():
                await _finish(connection, claim, MailStatus.SENT, may_be_sent=True)
            case Dropped(note=note, forget=forget):
                await _finish(connection, claim, MailStatus.DROPPED, note, forget=forget)
            case Failed(reason=reason, error=error):
                await _fail(connection, claim, reason, error)
            case Postponed():
                await _postpone(context, connection, claim, outcome)
            case Waiting(waits_for=reason, delay=delay):
                note = outcome.note
                await _finish(
                    connection,
                    claim,
                    MailStatus.QUEUED,
                    note,
                    delay=delay,
                    waits_for=reason,
                )
            case NotTried() | LeaseLost():
                if isinstance(outcome, LeaseLost):
                    log.warning("mail.lease_lost", notification_id=str(claim.id))
                # Changes nothing where another worker has the row by now, or the mail is finished.
                await statements.return_untried.run(connection, id=claim.id, fence=claim.fence)
            case _:
                raise NotImplementedError(type(outcome))


async def _fail(
    connection: SqlConnection,
    claim: Claim,
    reason: str,
    error: BaseException,
    *,
    may_be_sent: bool = False,
) -> None:
    is_recorded = await _finish(
        connection, claim, MailStatus.FAILED, reason, error=reason, may_be_sent=may_be_sent
    )
    if is_recorded:
        report_to_operators(error, notification_id=str(claim.id), kind=claim.kind)


async def _postpone(
    context: WorkerContext, connection: SqlConnection, claim: Claim, outcome: Postponed
) -> None:
    settings = context.settings
    delay = retry_delay(claim.attempts, is_outage=outcome.because == "outage", settings=settings)
    now = utc_now()
    give_up_at = claim.give_up_at or now + timedelta(hours=settings.give_up_after_hours)
    may_be_sent = outcome.may_be_sent
    if now + delay > give_up_at:
        reason = f"Given up after {settings.give_up_after_hours:g} hours. {outcome.reason}"
        await _fail(connection, claim, reason, outcome.error, may_be_sent=may_be_sent)
        return
    await _finish(
        connection,
        claim,
        MailStatus.QUEUED,
        outcome.reason,
        error=outcome.reason,
        delay=delay,
        give_up_at=give_up_at,
        may_be_sent=may_be_sent,
    )


async def _finish(
    connection: SqlConnection,
    claim: Claim,
    status: MailStatus,
    note: str | None = None,
    *,
    error: str | None = None,
    delay: timedelta = NO_DELAY,
    give_up_at: datetime | None = None,
    forget: bool = False,
    waits_for: WaitReason | None = None,
    may_be_sent: bool = False,
) -> bool:
    """Ends the claim; False if the lease was lost. ``may_be_sent``: the mail server has accepted the
    mail, or may have."""
    finished = await statements.finish_attempt.run(
        connection,
        id=claim.id,
        fence=claim.fence,
        status=status,
        error=error,
        delay=delay,
        # Time spent waiting on purpose does not count against the mail.
        give_up_at=None if waits_for else give_up_at or claim.give_up_at,
        waits_for=waits_for,
        may_be_sent=may_be_sent,
        forget=forget,
        step=json.dumps(entry(status, note)),
    )
    if finished == 1:
        count_finished(claim.kind, status)
    return finished == 1


def report_to_operators(error: BaseException, **tags: str) -> None:
    """Logs the error and sends it to Sentry, once for each mail that fails."""
    log.error("mail.failed", exc_info=error, **tags)
    with sentry_sdk.new_scope() as scope:
        for name, value in tags.items():
            scope.set_tag(name, value)
        sentry_sdk.capture_exception(error)
