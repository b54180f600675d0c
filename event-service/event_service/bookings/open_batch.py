"""What a batch of requests meets before it looks for seats: its event, keys and allowances."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from event_service.bookings.requests import BookingRequest, KeyBusy, KeyInUse, Outcome
from event_service.bookings.sql import statements
from event_service.models import IdempotencyKey
from event_service.problems import (
    EventChanged,
    RequestInProgress,
    SalesClosed,
    SeatLimitReached,
)
from event_service.rules import has_same_terms, may_see
from event_service.statuses import SeatingKind
from service_kit.database.sql_files import Record, SqlConnection
from service_kit.problems import InvalidRequest, NotAuthenticated, NotFound, Problem

KEYS = IdempotencyKey.__tablename__


async def open_batch(
    connection: SqlConnection,
    event_id: UUID,
    requests: Sequence[BookingRequest],
    ids: Sequence[UUID],
) -> Record | None:
    """The event, locked, with those for whom keys and allowances are written. Raises RequestInProgress."""
    try:
        return await statements.open_batch.row(
            connection,
            event_id=event_id,
            user_ids=[request.user_id for request in requests],
            keys=[request.key for request in requests],
            fingerprints=[request.fingerprint for request in requests],
            booking_ids=ids,
            quantities=[request.body.seat_count for request in requests],
        )
    except asyncpg.LockNotAvailableError as error:
        # PostgreSQL names the table in the context of the error.
        if f'"{KEYS}"' in (error.context or ""):
            raise RequestInProgress from None
        raise


def check_request(event: Record, request: BookingRequest) -> Outcome:
    """Why the event refuses the request; None if it does not."""
    refusal: Problem | None = None
    if not may_see(event, request.user_id):
        refusal = NotFound()
    elif request.user_id in event.erased:
        # This process has not read yet that the account is erased.
        refusal = NotAuthenticated()
    elif not event.is_on_sale:
        refusal = SalesClosed()
    elif request.event_version and not has_same_terms(event, request.event_version):
        refusal = EventChanged()
    elif event.seating == SeatingKind.GENERAL and request.body.names_a_part:
        field = "section" if request.body.section else "kind"
        refusal = InvalidRequest.field(field, "This event has no seat map; leave it out.")
    if request.user_id in event.busy:
        return KeyBusy()
    if request.key and request.user_id not in event.keyed:
        return KeyInUse(refusal)
    if refusal is None and request.user_id not in event.allowed:
        return SeatLimitReached("Seats that you have booked, hold or wait for count together.")
    return refusal


async def forget_refused(
    connection: SqlConnection,
    event: Record,
    requests: Sequence[BookingRequest],
    outcomes: Sequence[Outcome],
) -> None:
    """Nothing stays of the requests that get no booking."""
    refused = [
        request
        for request, outcome in zip(requests, outcomes, strict=True)
        if not isinstance(outcome, dict)
    ]
    keyed = [request for request in refused if request.user_id in event.keyed]
    allowed = [request for request in refused if request.user_id in event.allowed]
    if keyed:
        await statements.forget_keys.run(
            connection,
            user_ids=[request.user_id for request in keyed],
            keys=[request.key for request in keyed],
        )
    if allowed:
        await statements.lower_allowances.run(
            connection,
            event_id=event.id,
            user_ids=[request.user_id for request in allowed],
            quantities=[request.body.seat_count for request in allowed],
        )
