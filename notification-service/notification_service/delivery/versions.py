"""The newest known version of an event.

A mail is prepared from the newest version, whatever version its message has. A mail about a change names
all that differs from what its recipient was last told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import structlog
from pydantic import ValidationError

from notification_service.delivery.claim import Claim
from notification_service.delivery.outcome import Dropped
from notification_service.delivery.sql import statements
from notification_service.kinds.base import Payload
from notification_service.kinds.events import EventPayload, EventSnapshot
from notification_service.kinds.registry import MalformedPayload, read_payload
from service_kit.database.engine import to_json
from service_kit.database.sql_files import SqlConnection

# A change is about time and place.
TOLD_FIELDS = ("starts_at", "ends_at", "timezone", "venue", "city")
TOLD_ALREADY = "What changed had been told already."
TAKEN_BACK = "The change was taken back before it was told."

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Newer:
    """An event as a later message has it; ``is_ranked`` if that message had no version."""

    version: int
    raw: dict[str, Any]
    event: EventSnapshot
    is_ranked: bool

    def is_newer_than(self, claim: Claim) -> bool:
        return self.version > claim.version or (self.is_ranked and self.version == claim.version)


NewerEvents = Mapping[UUID, Newer]


async def newer_events(connection: SqlConnection, claims: Sequence[Claim]) -> NewerEvents:
    """The newest version of each event of which some claimed mail has an older one."""
    oldest: dict[UUID, int] = {}
    for claim in claims:
        if claim.event_id is not None:
            oldest[claim.event_id] = min(claim.version, oldest.get(claim.event_id, claim.version))
    if not oldest:
        return {}
    snapshots = await statements.find_newer_events.rows(
        connection, event_ids=list(oldest), versions=list(oldest.values())
    )
    newer = {}
    for row in snapshots:
        snapshot = orjson.loads(row.snapshot)
        raw = {"version": row.version} | snapshot
        try:
            event = EventSnapshot.model_validate(raw)
        except ValidationError as error:
            # An earlier release took what this one does not: the mails are sent as they were written.
            log.warning("event.unreadable", event_id=str(row.event_id), exc_info=error)
            continue
        newer[row.event_id] = Newer(row.version, raw, event, is_ranked="version" not in snapshot)
    return newer


def update_event(claim: Claim, payload: Payload, newer: NewerEvents) -> tuple[Payload, int]:
    """The payload with the newest version of its event, and which version that is."""
    latest = newer.get(claim.event_id) if claim.event_id is not None else None
    is_newer = latest is not None and latest.is_newer_than(claim)
    if latest is None or not is_newer or not isinstance(payload, EventPayload):
        return payload, claim.version
    return payload.model_copy(update={"event": latest.event}), latest.version


async def full_change(
    connection: SqlConnection, claim: Claim, newer: NewerEvents
) -> tuple[Payload, int] | Dropped:
    """All that differs from what the guest was last told, and the event's newest version.

    Stored in the mail's row, so that the next change, and a resend, know what this one told.
    """
    latest = newer.get(claim.event_id) if claim.event_id is not None else None
    version, event = claim.version, claim.data["event"]
    if latest is not None and latest.is_newer_than(claim):
        version, event = latest.version, latest.raw
    own = _states_before(claim.data)
    before: dict[str, Any] = {name: claim.data["event"].get(name) for name in TOLD_FIELDS} | own
    if not claim.resends:
        before, since, note = await _last_told(connection, claim, before)
        if not _differing(before, event):
            if not await statements.was_told_since.value(connection, id=claim.id, since=since):
                return Dropped(note)
            # Some other mail may have shown the state in between.
            before |= own
    changes = {name: [before[name], event[name]] for name in _differing(before, event)}
    told = {"event": event, "changes": changes or claim.data.get("changes", {})}
    payload = read_payload(claim.kind, claim.data | told)
    if event is not claim.data["event"] or told["changes"] != claim.data.get("changes"):
        await statements.keep_change.run(
            connection, id=claim.id, fence=claim.fence, told=to_json(told)
        )
    return payload, version


async def _last_told(
    connection: SqlConnection, claim: Claim, before: dict[str, Any]
) -> tuple[dict[str, Any], datetime | None, str]:
    """Time and place as the guest knows them, since when (None: since this change), and the note for
    a mail that would tell nothing new."""
    since: datetime | None = None
    for row in await statements.list_earlier_changes.rows(connection, id=claim.id):
        if row.told_at is not None:
            told = orjson.loads(row.told) if row.told else {}
            shown = {name: told[name] for name in TOLD_FIELDS if name in told}
            return before | shown, row.told_at, TOLD_ALREADY
        data = orjson.loads(row.data)
        if not _is_readable(claim.kind, data):
            # It failed when it arrived.
            continue
        # An earlier change that was not told: the guest knows the state before it.
        before, since = before | _states_before(data), row.created_at
    return before, since, TAKEN_BACK


def _states_before(data: Mapping[str, Any]) -> dict[str, Any]:
    """The old values of a readable change."""
    return {name: pair[0] for name, pair in data.get("changes", {}).items()}


def _is_readable(kind: str, data: object) -> bool:
    try:
        read_payload(kind, data)
    except MalformedPayload:
        return False
    return True


def _differing(before: Mapping[str, Any], event: Mapping[str, Any]) -> list[str]:
    """Which of time and place differ, compared as values and not as text."""
    old = EventSnapshot.model_validate({**event, **before})
    new = EventSnapshot.model_validate(event)
    return [name for name in TOLD_FIELDS if getattr(old, name) != getattr(new, name)]
