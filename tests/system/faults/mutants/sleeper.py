"""A worker with every guard, that stops its whole group when it is about to ask for permission."""

import os
import signal
from itertools import count
from typing import Any

from notification_service.delivery import send
from notification_service.tasks import app

__all__ = ["app"]

_may_send = send.may_send
_asked = count()


async def _stop_and_ask(*arguments: Any, **options: Any) -> send.Permission | None:
    if next(_asked) == 0:
        os.killpg(os.getpgrp(), signal.SIGSTOP)
    return await _may_send(*arguments, **options)


send.may_send = _stop_and_ask
