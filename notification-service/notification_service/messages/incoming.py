"""Reads messages from the queue. A malformed one never stops the messages after it."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from notification_service.kinds.base import MAX_VERSION, Payload
from notification_service.kinds.events import EventPayload
from notification_service.kinds.registry import MalformedPayload, read_payload
from notification_service.rendering.texts import one_line
from service_kit.clock import utc_now
from service_kit.ids import request_id_from
from service_kit.problems import InvalidRequest
from service_kit.text import check_text, refuse_unbounded_text

MAX_KIND = 50
MAX_DEDUP_KEY = 300
MAX_DATA_CHARACTERS = 500_000
# A mail shows fewer, and ``quantity`` gives their number: a booking of any size gets its mail.
MAX_SEATS = 100

# After an even number of backslashes; after an odd one these six characters are text.
_ESCAPED_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class UnreadableMessage(Exception):
    """The message has no readable id, so that it cannot be recorded."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it is recorded. ``payload`` is its parsed data; None if ``fault`` says why the message
    cannot become a mail."""

    id: UUID
    kind: str
    user_id: UUID | None
    dedup_key: str
    data: dict[str, Any]
    occurred_at: datetime
    version: int = 0
    request_id: str | None = None
    fault: str | None = None
    payload: Payload | None = None

    @property
    def booking_id(self) -> UUID | None:
        """The booking that the mail is about; None if it is about several or none."""
        booking_ids = self.data.get("booking_ids")
        if isinstance(booking_ids, list) and len(booking_ids) == 1:
            return _uuid(booking_ids[0])
        return _uuid(self.data.get("booking_id"))

    @property
    def event_id(self) -> UUID | None:
        return _uuid(self.data.get("event_id"))

    @property
    def event_ends_at(self) -> datetime | None:
        """The end of the event in the message's snapshot, if it has one."""
        if not isinstance(self.payload, EventPayload):
            return None
        return self.payload.event.ends_at.astimezone(UTC)


def read_message(message: object) -> Incoming:
    """Raises UnreadableMessage; any other mistake is described in ``fault``."""
    if not isinstance(message, dict):
        raise UnreadableMessage
    message_id = _uuid(message.get("id"))
    if message_id is None:
        raise UnreadableMessage
    data, fault = _data(message.get("data"))
    kind, user_id, key = (
        message.get("kind"),
        _uuid(message.get("user_id")),
        message.get("dedup_key"),
    )
    if user_id is None:
        fault = fault or "The message does not say whom it is for."
    if not isinstance(key, str) or not _is_storable(key) or not 0 < len(key) <= MAX_DEDUP_KEY:
        # Made of the id, so that two such messages have different keys.
        key, fault = f"malformed:{message_id}", fault or "The message has no usable key."
    kind = str(one_line(kind[:MAX_KIND])) if isinstance(kind, str) else "unknown"
    payload = None
    if fault is None:
        try:
            payload = read_payload(kind, data)
        except MalformedPayload as error:
            fault = error.reason
    request_id = message.get("request_id")
    return Incoming(
        id=message_id,
        kind=kind,
        user_id=user_id,
        dedup_key=key,
        data=data,
        occurred_at=_time(message.get("occurred_at")),
        version=_version(message.get("version")),
        request_id=request_id_from(request_id) if isinstance(request_id, str) else None,
        fault=fault,
        payload=payload,
    )


def _data(value: object) -> tuple[dict[str, Any], str | None]:
    if not isinstance(value, dict):
        return {}, "The message has no data."
    seats = value.get("seats")
    if isinstance(seats, list) and len(seats) > MAX_SEATS:
        value = {**value, "seats": seats[:MAX_SEATS]}
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        written.encode()
    except (ValueError, RecursionError):
        return {}, "The message holds characters or numbers that cannot be kept."
    if _ESCAPED_NUL.search(written):
        return {}, "The message holds characters that cannot be kept."
    if len(written) > MAX_DATA_CHARACTERS:
        return {}, "The message is too large."
    try:
        refuse_unbounded_text(value)
    except InvalidRequest:
        return {}, "The message holds a text that is too long, or stacks too many accents."
    return value, None


def _is_storable(text: str) -> bool:
    """PostgreSQL stores neither NUL nor a lone half of a surrogate pair."""
    try:
        check_text(text, MAX_DEDUP_KEY).encode()
    except ValueError:
        return False
    return "\x00" not in text


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _version(value: object) -> int:
    """0 if the message has none; ``service.record`` gives it a rank."""
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 < value <= MAX_VERSION else 0


def _time(value: object) -> datetime:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        # In UTC, because PostgreSQL takes no offset of 16 hours and more.
        return found.astimezone(UTC) if found is not None and found.tzinfo else utc_now()
    except (ValueError, OverflowError):
        return utc_now()
