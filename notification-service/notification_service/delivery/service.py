"""An attempt at one mail in four steps: claim, prepare, send, record.

``claim`` takes the row under a lease, ``prepare`` makes the mail, ``send`` hands it to the mail server,
``record`` writes the outcome to the row. A step that ends the attempt returns an ``Outcome``.
"""

import time
from collections.abc import Sequence
from uuid import UUID

import structlog

from notification_service.delivery.claim import Claim, claim_due, in_sending_order
from notification_service.delivery.context import WorkerContext
from notification_service.delivery.lookups import Lookups, look_up
from notification_service.delivery.outcome import (
    Dropped,
    Failed,
    NotTried,
    Outcome,
    Postponed,
    Sent,
    Waiting,
)
from notification_service.delivery.prepare import prepare
from notification_service.delivery.record import record_outcome
from notification_service.delivery.send import send
from notification_service.metrics import count_attempt

# Well within Celery's time limit, even if the last mail of a batch meets every timeout.
BATCH_SECONDS = 5.0

log = structlog.get_logger()


async def deliver(context: WorkerContext, *ids: UUID) -> None:
    """Sends the due mails among ``ids`` that no other worker has, after those that come before
    them."""
    async with context.statement() as connection:
        claims = await claim_due(connection, ids, lease=context.settings.lease)
    if claims:
        await deliver_batch(context, claims)


async def deliver_batch(context: WorkerContext, claims: Sequence[Claim]) -> None:
    """Sends claimed mails one after the other. What is not tried within ``BATCH_SECONDS`` is due again
    at once."""
    deadline = time.monotonic() + BATCH_SECONDS
    ordered = in_sending_order(claims)
    lookups = await look_up(context, ordered)
    for claim in ordered:
        with structlog.contextvars.bound_contextvars(request_id=claim.request_id):
            await _deliver_one(context, claim, lookups, deadline)
    if lookups.allowances.has_unused:
        async with context.sql() as connection:
            await lookups.allowances.give_back(connection)


async def _deliver_one(
    context: WorkerContext, claim: Claim, lookups: Lookups, deadline: float
) -> None:
    started = time.perf_counter()
    is_in_time = time.monotonic() < deadline
    outcome = await _attempt(context, claim, lookups) if is_in_time else NotTried()
    if not _may_be_sent(outcome):
        lookups.allowances.mark_unused(claim)
    await record_outcome(context, claim, outcome)
    count_attempt(claim.kind, type(outcome).__name__.lower())
    log.info(
        "mail.attempted",
        notification_id=str(claim.id),
        kind=claim.kind,
        attempt=claim.attempts,
        outcome=type(outcome).__name__.lower(),
        answer=_answer(outcome),
        milliseconds=round((time.perf_counter() - started) * 1000, 1),
    )


async def _attempt(context: WorkerContext, claim: Claim, lookups: Lookups) -> Outcome:
    prepared = await prepare(context, claim, lookups)
    return prepared if isinstance(prepared, Outcome) else await send(context, prepared)


def _answer(outcome: Outcome) -> str | None:
    """What the mail server said, or why it was not asked; None if the outcome says it all."""
    match outcome:
        case Sent(reply=said) | Failed(reason=said) | Postponed(reason=said) | Dropped(note=said):
            return said
        case Waiting():
            return outcome.note
    return None


def _may_be_sent(outcome: Outcome) -> bool:
    return isinstance(outcome, Sent) or isinstance(outcome, Postponed) and outcome.may_be_sent
