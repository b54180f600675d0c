"""Messages as event-service and auth-service put them on the queue."""

from typing import Any
from uuid import UUID, uuid4

from notification_service.previews.samples import sample_data
from service_kit.clock import utc_now
from service_kit.ids import new_id

Message = dict[str, Any]


def make_message(
    kind: str = "booking-confirmed",
    *,
    user_id: UUID | None = None,
    dedup_key: str | None = None,
    data: dict[str, Any] | None = None,
    **changed: Any,
) -> Message:
    """One that nobody has sent before: a booking of its own, an event of its own."""
    message_id = new_id()
    fresh = sample_data(kind)
    for name in ("booking_id", "event_id"):
        if name in fresh:
            fresh[name] = str(new_id())
    return {
        "id": str(message_id),
        "topic": f"{kind.replace('-', '.', 1)}.v1",
        "kind": kind,
        "user_id": str(user_id or uuid4()),
        "dedup_key": dedup_key or f"{kind}:{message_id}",
        "data": fresh | (data or {}),
        "occurred_at": utc_now().isoformat(),
        "request_id": "request-1",
    } | changed


def make_erasure(user_id: UUID) -> Message:
    return {
        "id": str(new_id()),
        "topic": "user.erased.v1",
        "user_id": str(user_id),
        "occurred_at": utc_now().isoformat(),
    }
