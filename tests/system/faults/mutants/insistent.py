"""A worker that takes a refusal for good for one that passes."""

from notification_service.delivery import send
from notification_service.delivery.outcome import Failed, Outcome, Postponed
from notification_service.delivery.smtp import SmtpError
from notification_service.tasks import app

__all__ = ["app"]


_outcome_of = send._outcome_of


def _insist(error: SmtpError) -> Outcome:
    outcome = _outcome_of(error)
    if isinstance(outcome, Failed):
        return Postponed(outcome.reason, "the-mail", outcome.error)
    return outcome


send._outcome_of = _insist
