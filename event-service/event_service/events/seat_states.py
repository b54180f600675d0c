"""What a map of seats is drawn from: the states of an event's seats as letters, read once a second in a
process for all who look at its map, and the plan, which is read once for each version of the event.
"""

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import UUID

import cachetools
import orjson
from fastapi import Depends, Request, Response

from event_service.events.representation import compress, pack, respond
from event_service.events.sql import statements
from event_service.rules import may_change, may_see
from event_service.single_flight import SingleFlight
from event_service.statuses import EventStatus
from service_kit.database.engine import Database
from service_kit.problems import NotFound
from service_kit.web.tokens import Person

MAX_AGE_SECONDS = 1.0
# Of all events in one process; the largest hall has 100 kB.
MAX_BYTES = 8 * 1_048_576
ENTRY_OVERHEAD_BYTES = 1_000
# Compressing more takes long enough to keep others waiting.
MAX_INLINE_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Packed:
    """What is answered of one version of an event, plain and compressed."""

    version: int
    plain: bytes
    compressed: bytes

    @property
    def size(self) -> int:
        return len(self.plain) + len(self.compressed) + ENTRY_OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class SeatStates:
    """The states of an event, and who may see them; ``read_at`` is of ``time.monotonic``."""

    read_at: float
    status: EventStatus
    organizer_id: UUID
    content: Packed

    def check_visible(self, viewer: Person | None) -> None:
        """Raises NotFound for a draft, unless the viewer is its organizer or a superuser."""
        if not (may_change(self, viewer) or may_see(self, None)):
            raise NotFound

    def response(
        self, content: Packed, viewer: Person | None, if_none_match: str | None, *, takes_gzip: bool
    ) -> Response:
        """``content``: these states, or the plan of this event. Raises NotFound as ``check_visible`` does."""
        self.check_visible(viewer)
        return respond(
            content.compressed if takes_gzip else content.plain,
            if_none_match,
            is_personal=self.status == EventStatus.DRAFT,
            is_compressed=takes_gzip,
        )


class SeatStatesCache:
    """States that are at most MAX_AGE_SECONDS old when they are answered."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._flights: SingleFlight[SeatStates] = SingleFlight()
        self._entries: cachetools.TLRUCache[UUID, SeatStates] = cachetools.TLRUCache(
            maxsize=MAX_BYTES,
            ttu=lambda _, states, __: states.read_at + MAX_AGE_SECONDS,
            timer=time.monotonic,
            getsizeof=lambda states: states.content.size,
        )
        self._plan_flights: SingleFlight[Packed] = SingleFlight()
        self._plans: cachetools.LRUCache[tuple[UUID, int], Packed] = cachetools.LRUCache(
            MAX_BYTES, getsizeof=lambda plan: plan.size
        )

    async def get(self, event_id: UUID) -> SeatStates:
        """Raises NotFound. Who may see them is asked by the response."""
        states: SeatStates | None = self._entries.get(event_id)
        if states is None:
            states = await self._flights.join(str(event_id), partial(self._read, event_id))
        return states

    async def get_plan(self, event_id: UUID, version: int) -> Packed:
        """The plan of this version of the event, or of a newer one. Raises NotFound."""
        plan: Packed | None = self._plans.get((event_id, version))
        if plan is None:
            key = f"{event_id} {version}"
            plan = await self._plan_flights.join(key, partial(self._read_plan, event_id))
        return plan

    async def _read_plan(self, event_id: UUID) -> Packed:
        row = await self._database.run_sql(
            partial(statements.read_seat_plan.row, event_id=event_id)
        )
        if row is None:
            raise NotFound
        plan = await _pack(row.plan.encode(), row.version)
        self._plans[event_id, row.version] = plan
        return plan

    async def _read(self, event_id: UUID) -> SeatStates:
        read_at = time.monotonic()
        row = await self._database.run_sql(
            partial(statements.read_seat_states.row, event_id=event_id)
        )
        if row is None:
            raise NotFound
        body = orjson.dumps({"version": row.version, "states": row.states})
        content = await _pack(body, row.version)
        states = SeatStates(read_at, EventStatus(row.status), row.organizer_id, content)
        # Who may see a draft changes with its next version, for everybody at once.
        if states.status != EventStatus.DRAFT:
            self._entries[event_id] = states
        return states


async def _pack(body: bytes, version: int) -> Packed:
    plain = pack(body, version=version)
    if len(plain) <= MAX_INLINE_BYTES:
        return Packed(version, plain, compress(plain))
    return Packed(version, plain, await asyncio.to_thread(compress, plain))


async def get_seat_states_cache(request: Request) -> SeatStatesCache:
    cache: SeatStatesCache = request.app.state.seat_states
    return cache


SeatStatesDep = Annotated[SeatStatesCache, Depends(get_seat_states_cache)]
