"""A worker that knows no message again."""

from dataclasses import replace

from notification_service.delivery import consumer, prepare
from notification_service.messages.incoming import Incoming, read_message
from notification_service.rendering.mime import message_id
from notification_service.tasks import app
from service_kit.ids import new_id

__all__ = ["app"]

MARK = "#again-"


def _read_as_new(message: object) -> Incoming:
    incoming, fresh = read_message(message), new_id()
    return replace(incoming, id=fresh, dedup_key=f"{incoming.dedup_key}{MARK}{fresh}")


def _known_identity(dedup_key: str, *, domain: str, resends: int = 0) -> str:
    """A copy is known by the key that it came with."""
    return message_id(dedup_key.partition(MARK)[0], domain=domain, resends=resends)


consumer.read_message = _read_as_new  # type: ignore[attr-defined]
prepare.message_id = _known_identity  # type: ignore[attr-defined]
