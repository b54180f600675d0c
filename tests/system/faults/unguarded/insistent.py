"""A worker that takes a refusal for good for one that passes."""

from notification_service.delivery import service
from notification_service.delivery.smtp import MailDeferred, MailRefused
from notification_service.worker import app

__all__ = ["app"]


_hand_over = service._hand_over


async def _insist(*arguments: object) -> object:
    try:
        return await _hand_over(*arguments)  # type: ignore[arg-type]
    except MailRefused as error:
        raise MailDeferred(error.reason) from error


service._hand_over = _insist  # type: ignore[assignment]
