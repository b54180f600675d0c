"""A worker that stops as ``sleeper`` does, and then does not ask whether it still may send."""

from notification_service.delivery import send
from tests.system.faults.mutants import sleeper
from tests.system.faults.mutants.sleeper import app

__all__ = ["app"]


async def _always(*_: object, **__: object) -> send.Permission:
    return "go"


sleeper._may_send = _always
