"""Step 1, claim: due mails become ``sending`` under a lease that belongs to this worker.

The claim is committed before the mail server hears of the mail, so that a row says what happens next
even if this process dies.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Interval, Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.outcome import WAIT_NOTES
from notification_service.kinds.base import Payload
from notification_service.kinds.registry import MalformedPayload, read_payload
from notification_service.statuses import MailStatus
from notification_service.timeline import entry
from service_kit.ordering import order_by_version

MAX_CLAIMS = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """A mail that belongs to this worker until its lease ends or the row's ``fence`` changes.

    ``payload`` is ``data`` as parsed; None if it is malformed. ``has_waited``: the mail was held back
    on purpose at least once.
    """

    id: UUID
    user_id: UUID
    kind: str
    dedup_key: str
    data: dict[str, Any]
    version: int = 0
    event_id: UUID | None = None
    fence: int = 1
    attempts: int = 1
    crashes: int = 0
    resends: int = 0
    give_up_at: datetime | None = None
    request_id: str | None = None
    has_waited: bool = False
    payload: Payload | None = None


# Queued mails about the same event and user are claimed too: they have to be sent first.
CLAIM = text("""
    UPDATE notification
    SET status = 'sending', attempts = attempts + 1, fence = fence + 1, lease_until = now() + :lease,
        timeline = timeline || CAST(:step AS jsonb)
    WHERE id IN (
        SELECT id FROM notification
        WHERE id IN (
            SELECT unnest(:ids)
            UNION
            SELECT other.id FROM notification AS this
            JOIN notification AS other USING (user_id, event_id)
            WHERE this.id = ANY(:ids || :related_to) AND other.status = 'queued'
        ) AND status = 'queued' AND next_attempt_at <= now() AND waits_for IS DISTINCT FROM 'address'
        ORDER BY created_at, id
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id, user_id, kind, dedup_key, data, version, event_id, fence, attempts, crashes, resends,
        give_up_at, request_id, created_at, EXISTS (
            SELECT FROM jsonb_array_elements(timeline) AS step WHERE step->>'note' = ANY(:wait_notes)
        ) AS has_waited
""").bindparams(
    bindparam("ids", type_=ARRAY(Uuid())),
    bindparam("related_to", type_=ARRAY(Uuid())),
    bindparam("wait_notes", list(WAIT_NOTES.values()), type_=ARRAY(Text())),
    bindparam("lease", type_=Interval()),
    bindparam("limit", type_=Integer()),
    bindparam("step", type_=Text()),
)


async def claim_due(
    connection: AsyncConnection,
    ids: Sequence[UUID],
    *,
    lease: timedelta,
    related_to: Sequence[UUID] = (),
) -> list[Claim]:
    """Claims the due mails among ``ids`` that no other worker has, and the due mails about the same
    events and users; the oldest first.

    Mails about the same events and users as ``related_to`` are claimed too, ``related_to`` itself
    is not.
    """
    claimed = await connection.execute(
        CLAIM,
        {
            "ids": list(ids),
            "related_to": list(related_to),
            "lease": lease,
            "limit": MAX_CLAIMS,
            "step": json.dumps(entry(MailStatus.SENDING)),
        },
    )
    by_age = sorted(claimed.mappings(), key=lambda row: (row["created_at"], row["id"]))
    return [
        Claim(
            **{name: value for name, value in row.items() if name != "created_at"},
            payload=_payload_of(row["kind"], row["data"]),
        )
        for row in by_age
    ]


def _payload_of(kind: str, data: object) -> Payload | None:
    try:
        return read_payload(kind, data)
    except MalformedPayload:
        return None


def in_sending_order(claims: Sequence[Claim]) -> list[Claim]:
    """The claims in their order, but a user's mails about one event by the event's version."""
    return order_by_version(
        claims,
        subject=lambda claim: (claim.user_id, claim.event_id) if claim.event_id else None,
        version=lambda claim: claim.version,
    )
