"""Step 3, send: hands a prepared mail to the mail server if this worker still may."""

from datetime import timedelta
from typing import Literal

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
from notification_service.delivery.sql import statements
from notification_service.delivery.superseding import rules_of
from service_kit.database.sql_files import SqlConnection

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
        async with context.sql() as connection:
            permission = await may_send(
                connection, email.claim, version=email.version, needed=needed
            )
        if permission != "go":
            return REFUSALS[permission]
        return Sent(server.finish(email.content))
    except SmtpError as error:
        return _outcome_of(error)


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


async def may_send(
    connection: SqlConnection, claim: Claim, *, version: int, needed: timedelta
) -> Permission | None:
    """Whether a mail that was prepared from an event's ``version`` may be sent now.

    ``overtaken``: a later mail takes its place. ``outdated``: a newer version of the event is known.
    ``not-yet``: another worker is sending a mail that has to be sent before this one. None: the
    lease is lost, or ends in less time than ``needed``.
    """
    permission: Permission | None = await statements.may_send.value(
        connection,
        id=claim.id,
        fence=claim.fence,
        needed=needed,
        version=version,
        **rules_of(claim.kind),
    )
    return permission
