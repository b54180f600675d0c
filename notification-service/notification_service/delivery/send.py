"""Step 3, send: hands a prepared mail to the mail server if this worker still may."""

from datetime import timedelta
from functools import cache
from typing import Literal

from sqlalchemy import Interval, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

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
)
from notification_service.delivery.prepare import PreparedEmail
from notification_service.delivery.smtp import (
    SmtpDeliveryUnconfirmed,
    SmtpError,
    SmtpPermanentFailure,
    SmtpTemporaryFailure,
)
from notification_service.delivery.superseding import is_superseded, order_of
from notification_service.delivery.tables import rows
from notification_service.kinds.registry import KINDS
from notification_service.models import event_snapshots, notifications
from notification_service.statuses import MailStatus
from service_kit.database.statements import Statement, param

Permission = Literal["go", "overtaken", "outdated", "not-yet"]
REFUSALS: dict[Permission | None, Outcome] = {
    "overtaken": Dropped("A later message took its place."),
    "outdated": NotTried(),
    "not-yet": NotTried(),
    None: LeaseLost(),
}


async def send(context: WorkerContext, email: PreparedEmail) -> Outcome:
    """Asks for permission after the recipient is accepted and right before the mail itself, so that
    as little as possible can happen in between."""
    server = context.mail_server
    # DATA and the mail itself: two replies, each within the timeout.
    needed = timedelta(seconds=2 * context.settings.smtp_timeout_seconds)
    try:
        server.begin(email.recipient)
        async with context.statement() as connection:
            permission = await may_send(
                connection, email.claim, version=email.version, needed=needed
            )
        if permission != "go":
            return REFUSALS[permission]
        server.finish(email.content)
    except SmtpError as error:
        return _outcome_of(error)
    return Sent()


def _outcome_of(error: SmtpError) -> Outcome:
    match error:
        case SmtpPermanentFailure():
            return Failed(error.reason, error)
        case SmtpTemporaryFailure():
            return Postponed(error.reason, "the-mail", error)
        case SmtpDeliveryUnconfirmed():
            return Postponed(error.reason, "the-mail", error, may_be_sent=True)
        case _:
            return Postponed(error.reason, "outage", error)


@cache
def _permission_of(kind: str) -> Statement:
    newer = select(1).where(
        event_snapshots.c.event_id == rows.event_id,
        event_snapshots.c.version > param("prepared_version"),
    )
    answers = [(is_superseded(kind), "overtaken"), (newer.exists(), "outdated")]
    if KINDS[kind].keeps_order:
        earlier = notifications.alias("earlier")
        is_being_sent = select(1).where(
            earlier.c.user_id == rows.user_id,
            earlier.c.event_id == rows.event_id,
            earlier.c.status == MailStatus.SENDING,
            earlier.c.lease_until > func.now(),
            order_of(earlier) < order_of(notifications),
        )
        answers.append((is_being_sent.correlate(notifications).exists(), "not-yet"))
    return Statement(
        select(
            case(
                *((when, literal_column(f"'{then}'")) for when, then in answers),
                else_=literal_column("'go'"),
            )
        ).where(
            rows.id == param("claimed_id"),
            rows.status == MailStatus.SENDING,
            rows.fence == param("claimed_fence"),
            rows.lease_until > func.now() + param("needed", Interval()),
        )
    )


async def may_send(
    connection: AsyncConnection, claim: Claim, *, version: int, needed: timedelta
) -> Permission | None:
    """Whether a mail that was prepared from an event's ``version`` may be sent now.

    ``overtaken``: a later mail takes its place. ``outdated``: a newer version of the event is known.
    ``not-yet``: another worker is sending a mail that has to be sent before this one. None: the
    lease is lost, or ends in less time than ``needed``.
    """
    permission: Permission | None = await _permission_of(claim.kind).value(
        connection,
        claimed_id=claim.id,
        claimed_fence=claim.fence,
        needed=needed,
        prepared_version=version,
    )
    return permission
