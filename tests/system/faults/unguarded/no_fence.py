"""A worker that does not ask, right before it sends, whether it still may."""

from notification_service.delivery import queries
from notification_service.worker import app

__all__ = ["app"]


async def _always(*_: object, **__: object) -> queries.Permission:
    return "go"


queries.may_send = _always
