"""What is known of an event by now. A mail is written of the newest version, whatever version its
message was written of, and a change names all that differs from what its reader was last told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import DateTime, Integer, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.outcomes import Dropped
from notification_service.delivery.queries import Claim
from notification_service.messages.contents import (
    ChangeContent,
    Content,
    EventSnapshot,
    read_content,
)
from service_kit.database.engine import to_json
from service_kit.database.statements import Statement

CHANGE = "event-changed"
# What a change tells of: time and place.
TOLD_FIELDS = ("starts_at", "ends_at", "timezone", "venue", "city")
TOLD_ALREADY = "What changed had been told already."
TAKEN_BACK = "The change was taken back before it was told."

# Only what is newer than what the mails know themselves: usually nothing. What the release before
# said has no version, and took the place of what was known with the version that it ranks as.
NEWEST = Statement(
    text("""
        SELECT kept.event_id, kept.version, CAST(kept.snapshot AS text) AS snapshot
        FROM unnest(:event_ids, :versions) AS asked (id, version)
        JOIN event_snapshots AS kept ON kept.event_id = asked.id AND (
            kept.version > asked.version
            OR kept.version = asked.version AND NOT kept.snapshot ? 'version'
        )
    """).bindparams(
        bindparam("event_ids", type_=ARRAY(Uuid()), required=False),
        bindparam("versions", type_=ARRAY(Integer()), required=False),
    )
)
# The latest first. More than a hundred changes that nobody was told of are not looked through.
EARLIER_CHANGES = Statement(text("""
        SELECT coalesce(earlier.told_at, earlier.sent_at) AS told_at, earlier.created_at,
            CAST(earlier.data->'changes' AS text) AS changes,
            CAST(coalesce(earlier.told, earlier.data->'event') AS text) AS told
        FROM notifications AS this
        JOIN notifications AS earlier USING (user_id, event_id, kind)
        WHERE this.id = :id AND (earlier.version, earlier.created_at, earlier.id)
            < (this.version, this.created_at, this.id)
        ORDER BY earlier.version DESC, earlier.created_at DESC, earlier.id DESC
        LIMIT 100
    """).bindparams(bindparam("id", type_=Uuid(), required=False)))
TOLD_SINCE = Statement(
    text("""
        SELECT EXISTS (
            SELECT FROM notifications AS this JOIN notifications AS other USING (user_id, event_id)
            WHERE this.id = :id AND other.id <> this.id
                AND coalesce(other.told_at, other.sent_at) > coalesce(:since, this.created_at)
        )
    """).bindparams(
        bindparam("id", type_=Uuid(), required=False),
        bindparam("since", type_=DateTime(timezone=True), required=False),
    )
)
KEEP_CHANGE = Statement(
    text("""
        UPDATE notifications SET data = data || CAST(:told AS jsonb)
        WHERE id = :id AND fence = :fence AND status = 'sending'
    """).bindparams(
        bindparam("id", type_=Uuid(), required=False),
        bindparam("fence", type_=Integer(), required=False),
        bindparam("told", type_=Text(), required=False),
    )
)


@dataclass(frozen=True, slots=True)
class Newer:
    """An event as a later message has it; ``is_ranked`` if that said no version."""

    version: int
    raw: dict[str, Any]
    event: EventSnapshot
    is_ranked: bool

    def is_newer_than(self, held: Claim) -> bool:
        return self.version > held.version or (self.is_ranked and self.version == held.version)


NewerEvents = Mapping[UUID, Newer]


async def newer_events(connection: AsyncConnection, batch: Sequence[Claim]) -> NewerEvents:
    """The newest version of each event of which some mail of the batch has an older one."""
    oldest: dict[UUID, int] = {}
    for held in batch:
        if held.event_id is not None:
            oldest[held.event_id] = min(held.version, oldest.get(held.event_id, held.version))
    if not oldest:
        return {}
    found = await NEWEST.rows(connection, event_ids=list(oldest), versions=list(oldest.values()))
    newer = {}
    for row in found:
        kept = orjson.loads(row.snapshot)
        raw = {"version": row.version} | kept
        event = EventSnapshot.model_validate(raw)
        newer[row.event_id] = Newer(row.version, raw, event, is_ranked="version" not in kept)
    return newer


def brought_up_to_date(held: Claim, content: Content, newer: NewerEvents) -> tuple[Content, int]:
    """The content with the newest version of its event, and which version that is."""
    found = newer.get(held.event_id) if held.event_id is not None else None
    if found is None or not found.is_newer_than(held) or not hasattr(content, "event"):
        return content, held.version
    return content.model_copy(update={"event": found.event}), found.version


async def whole_change(
    connection: AsyncConnection, held: Claim, newer: NewerEvents
) -> tuple[ChangeContent, int] | Dropped:
    """All that differs from what the guest was last told, and the version that it leads to.

    Kept in the mail's row, so that the next change, and a resend, know what this one told.
    """
    found = newer.get(held.event_id) if held.event_id is not None else None
    version, event = held.version, held.data["event"]
    if found is not None and found.is_newer_than(held):
        version, event = found.version, found.raw
    own = {name: pair[0] for name, pair in held.data.get("changes", {}).items()}
    before: dict[str, Any] = {name: held.data["event"].get(name) for name in TOLD_FIELDS} | own
    if not held.resends:
        before, since, note = await _last_told(connection, held, before)
        if not _differing(before, event):
            if not await TOLD_SINCE.value(connection, id=held.id, since=since):
                return Dropped(note)
            # Some other mail may have shown what was true for a while.
            before |= own
    changes = {name: [before[name], event[name]] for name in _differing(before, event)}
    told = {"event": event, "changes": changes or held.data.get("changes", {})}
    content = read_content(CHANGE, held.data | told)
    assert isinstance(content, ChangeContent)
    if event is not held.data["event"] or told["changes"] != held.data.get("changes"):
        await KEEP_CHANGE.value(connection, id=held.id, fence=held.fence, told=to_json(told))
    return content, version


async def _last_told(
    connection: AsyncConnection, held: Claim, before: dict[str, Any]
) -> tuple[dict[str, Any], datetime | None, str]:
    """Time and place as the guest knows them, since when (None: since this change), and what it means
    if nothing differs from them."""
    since: datetime | None = None
    for row in await EARLIER_CHANGES.rows(connection, id=held.id):
        if row.told_at is not None:
            told = orjson.loads(row.told) if row.told else {}
            known = {name: told[name] for name in TOLD_FIELDS if name in told}
            return before | known, row.told_at, TOLD_ALREADY
        changes = orjson.loads(row.changes) if row.changes else {}
        # An earlier change that was not told: its reader knows what was before it.
        before, since = before | {name: pair[0] for name, pair in changes.items()}, row.created_at
    return before, since, TAKEN_BACK


def _differing(before: Mapping[str, Any], event: Mapping[str, Any]) -> list[str]:
    """Which of time and place differ; as moments and not as they are written."""
    old = EventSnapshot.model_validate({**event, **before})
    new = EventSnapshot.model_validate(event)
    return [name for name in TOLD_FIELDS if getattr(old, name) != getattr(new, name)]
