"""A worker that does not ask, right before it sends, whether it still may."""

from notification_service.delivery import send
from notification_service.tasks import app

__all__ = ["app"]


async def _always(*_: object, **__: object) -> send.Permission:
    return "go"


send.may_send = _always
