"""Booking or holding seats: one short transaction for all requests of a batch, each all or nothing.

It reads from top to bottom: ``book`` is one request, ``BookingDesk._run`` a batch until each request has its
answer, ``_book`` one transaction.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from cachetools import LRUCache
from fastapi import Depends, Request
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.bookings.allocation import take_seats
from event_service.bookings.batches import Batches, Waiting
from event_service.bookings.expire import expire_holds_and_offer_seats, release_expired_holds
from event_service.bookings.free_seats import find_alternatives
from event_service.bookings.insert import NewBooking, insert_bookings, new_booking
from event_service.bookings.messages import booking_message, event_snapshot
from event_service.bookings.offers import is_waitlist_due
from event_service.bookings.open_batch import check_request, forget_refused, open_batch
from event_service.bookings.queries import find_idempotency_key, get_booking
from event_service.bookings.representation import Json, booking_fields, seats_of
from event_service.bookings.requests import BookingRequest, KeyBusy, KeyInUse, Outcome
from event_service.metrics import BATCH_REQUESTS, count_request
from event_service.problems import (
    IdempotencyMismatch,
    RequestInProgress,
    SeatLimitReached,
    SeatsUnavailable,
)
from event_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.engine import Database, RollBack
from service_kit.database.errors import DATABASE_ERRORS
from service_kit.database.sql_files import SqlConnection
from service_kit.ids import new_id
from service_kit.problems import NotFound, Problem, Unavailable

# Rounds in a row that answer nobody. Each waits for seats that others have locked, so that more of them
# take a crowd of processes.
MAX_ROUNDS = 8
# Searches for alternatives at once in one process: each costs some milliseconds.
MAX_LOOKS = 4
PAUSE_SECONDS = 0.03
EVENTS_WITH_LIMITS = 1_000
# For the first request with a key, which another process or a request for another event may be.
KEY_PATIENCE_SECONDS = 2.0
KEY_PAUSE_SECONDS = 0.02


class WaitlistHasPriority(Exception):
    """Free seats are due to somebody on the waitlist: they are offered before this batch goes on."""


class BookingDesk:
    """Books for one process, in batches."""

    def __init__(
        self,
        database: Database,
        *,
        hold_for: timedelta,
        offer_for: timedelta,
        patience_seconds: float,
    ) -> None:
        self.database = database
        self.hold_for, self.offer_for = hold_for, offer_for
        self._looking = 0
        self.batches = Batches(
            self._run,
            patience_seconds=patience_seconds,
            observe_size=BATCH_REQUESTS.observe,
            weigh=self._weigh,
        )
        # The limits per person that were met last, by event.
        self._limits: LRUCache[UUID, int] = LRUCache(EVENTS_WITH_LIMITS)

    async def book(self, request: BookingRequest) -> tuple[Json, bool]:
        """Returns the booking in the form of BookingPublic, and whether it is a replay of an earlier
        request.

        Raises the problems of ``POST /bookings``; then nothing is stored.
        """
        seats = request.body.seat_count
        try:
            booking, is_replay = await self._find_or_book(request)
        except Problem as problem:
            count_request("refused", seats, reason=problem.code)
            raise
        count_request("replayed" if is_replay else str(booking["status"]), seats)
        return booking, is_replay

    async def _find_or_book(self, request: BookingRequest) -> tuple[Json, bool]:
        began = time.monotonic()
        while True:
            try:
                return await self.batches.join(request), False
            except KeyBusy:
                await _let_the_first_finish(time.monotonic() - began)
            except KeyInUse as key:
                replay = await self._find_replay(request)
                if replay is not None:
                    return replay, True
                if key.refusal is not None:
                    raise key.refusal from None
                # The first request with this key has rolled back.
            except SeatsUnavailable as problem:
                raise await self._with_alternatives(request, problem) from None
            except SeatLimitReached:
                if not await self._release_holds(request):
                    raise
                # Lapsed holds were still counted, by this transaction or the sweeper's.

    def _weigh(self, request: BookingRequest) -> int:
        """The seats that it may get: more than a person may have are refused, and would only make room
        in batches scarce."""
        wanted = request.body.seat_count
        limit = self._limits.get(request.body.event_id)
        return 0 if limit is not None and wanted > limit else wanted

    async def _find_replay(self, request: BookingRequest) -> Json | None:
        """The booking that the same key made, in its present state. Raises IdempotencyMismatch."""
        assert request.key is not None
        async with self.database.transaction() as session:
            row = await find_idempotency_key(session, request.user_id, request.key)
            if row is None:
                return None
            if row.fingerprint != request.fingerprint:
                raise IdempotencyMismatch
            return await get_booking(session, row.booking_id, user_id=request.user_id)

    async def _with_alternatives(
        self, request: BookingRequest, problem: SeatsUnavailable
    ) -> SeatsUnavailable:
        """Names other seats, unless so many ask for them that a look would keep the rest waiting."""
        alternatives: list[list[UUID]] = []
        if self._looking < MAX_LOOKS:
            self._looking += 1
            try:
                event_id, seat_ids = request.body.event_id, request.body.seat_ids or ()
                find = partial(find_alternatives, event_id=event_id, seat_ids=seat_ids)
                with suppress(*DATABASE_ERRORS, Unavailable):
                    alternatives = await self.database.run_sql(find)
            finally:
                self._looking -= 1
        groups = [[str(seat_id) for seat_id in group] for group in alternatives]
        return SeatsUnavailable(**problem.members, alternatives=groups)

    async def _release_holds(self, request: BookingRequest) -> bool:
        """Whether the person may have the seats after all."""
        release = partial(
            release_expired_holds,
            user_id=request.user_id,
            event_id=request.body.event_id,
            seats=request.body.seat_count,
            offer_for=self.offer_for,
        )
        return await self.database.run(release)

    async def _run(self, event_id: UUID, batch: Sequence[Waiting]) -> None:
        """Settles each request: with an answer, a problem, KeyInUse or KeyBusy."""
        waitlist_first, waits = True, False
        rounds = 0
        while rounds < MAX_ROUNDS:
            work = partial(self._book, event_id, batch, waitlist_first=waitlist_first, waits=waits)
            try:
                outcomes = await self.database.run_sql(work)
            except WaitlistHasPriority:
                waitlist_first = await self.database.run(partial(self._offer_seats, event_id)) > 0
                continue
            for waiting, outcome in zip(batch, outcomes, strict=True):
                if outcome is not None:
                    waiting.settle(outcome)
            batch = [
                waiting for waiting, outcome in zip(batch, outcomes, strict=True) if outcome is None
            ]
            if not batch:
                return
            # Another transaction may hold locks on free seats and roll back. Waiting for it while holding
            # locks could be a deadlock, so the transaction has ended first; also after an empty answer:
            # under READ COMMITTED, SKIP LOCKED locks a seat, sees that its newest version is taken,
            # returns nothing and keeps the lock until the transaction ends.
            waits = True
            rounds = 0 if any(outcomes) else rounds + 1
            if rounds > 1:
                # Processes that choose the same seats should not meet a third time.
                await asyncio.sleep(random.uniform(0, PAUSE_SECONDS))
        raise Unavailable

    async def _offer_seats(self, event_id: UUID, session: AsyncSession) -> int:
        return await expire_holds_and_offer_seats(
            session, event_id, now=utc_now(), offer_for=self.offer_for
        )

    async def _book(
        self,
        event_id: UUID,
        batch: Sequence[Waiting],
        connection: SqlConnection,
        *,
        waitlist_first: bool,
        waits: bool,
    ) -> list[Outcome]:
        """One transaction; what becomes of each request. Raises WaitlistHasPriority."""
        requests = [waiting.request for waiting in batch]
        ids = [new_id() for _ in requests]
        event = await open_batch(connection, event_id, requests, ids)
        if event is None:
            return [NotFound() for _ in requests]
        self._limits[event_id] = event.max_seats_per_user
        outcomes = [check_request(event, request) for request in requests]
        if all(outcomes):
            raise RollBack(outcomes)
        if event.has_waitlist and waitlist_first and await is_waitlist_due(connection, event.id):
            raise WaitlistHasPriority
        seats = await take_seats(connection, event, requests, outcomes, waits=waits)
        bookings = []
        event_data = event_snapshot(event)
        for number, taken in seats.items():
            waiting = batch[number]
            ends = None
            if waiting.request.body.hold:
                ends = min(event.now + self.hold_for, event.ends_at)
            booking = new_booking(ids[number], event, waiting.request, taken, ends, now=event.now)
            if not ends:
                booking.message = waiting.context.run(
                    booking_message, "booking-confirmed", booking, event_data, version=event.version
                )
            outcomes[number] = _represent(booking, event)
            bookings.append(booking)
        if not bookings:
            raise RollBack(outcomes)
        await forget_refused(connection, event, requests, outcomes)
        await insert_bookings(connection, bookings)
        return outcomes


async def _let_the_first_finish(waited: float) -> None:
    """A pause, longer each time. Raises RequestInProgress for who has ``waited`` so many seconds."""
    if waited > KEY_PATIENCE_SECONDS:
        raise RequestInProgress
    await asyncio.sleep(max(KEY_PAUSE_SECONDS, waited / 2))


def new_desk(database: Database, settings: Settings) -> BookingDesk:
    return BookingDesk(
        database,
        hold_for=settings.hold_for,
        offer_for=settings.offer_for,
        patience_seconds=settings.database_pool_timeout_seconds,
    )


async def get_desk(request: Request) -> BookingDesk:
    desk: BookingDesk = request.app.state.booking_desk
    return desk


BookingDeskDep = Annotated[BookingDesk, Depends(get_desk)]


def _represent(booking: NewBooking, event: Any) -> Json:
    fields = booking_fields(booking, booking.status, event, now=event.now)
    return fields | {"seats": seats_of(booking.tickets)}
