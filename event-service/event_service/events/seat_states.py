"""The states of an event's seats as letters: read once a second in a process for all who look at its map."""

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
MAX_INLINE_SEATS = 10_000


@dataclass(frozen=True, slots=True)
class SeatStates:
    """What is answered, plain and compressed, and who may see it; ``read_at`` is of ``time.monotonic``."""

    read_at: float
    status: EventStatus
    organizer_id: UUID
    plain: bytes
    compressed: bytes

    @property
    def size(self) -> int:
        return len(self.plain) + len(self.compressed) + ENTRY_OVERHEAD_BYTES

    def response(
        self, viewer: Person | None, if_none_match: str | None, *, takes_gzip: bool
    ) -> Response:
        """Raises NotFound for a draft, unless the viewer is its organizer or a superuser."""
        if not (may_change(self, viewer) or may_see(self, None)):
            raise NotFound
        return respond(
            self.compressed if takes_gzip else self.plain,
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
            getsizeof=lambda states: states.size,
        )

    async def get(self, event_id: UUID) -> SeatStates:
        """Raises NotFound. Who may see them is asked by the response."""
        states: SeatStates | None = self._entries.get(event_id)
        if states is None:
            states = await self._flights.join(str(event_id), partial(self._read, event_id))
        return states

    async def _read(self, event_id: UUID) -> SeatStates:
        read_at = time.monotonic()
        row = await self._database.run_sql(
            partial(statements.read_seat_states.row, event_id=event_id)
        )
        if row is None:
            raise NotFound
        body = orjson.dumps({"version": row.version, "states": row.states})
        plain = pack(body, version=row.version)
        if len(row.states) <= MAX_INLINE_SEATS:
            compressed = compress(plain)
        else:
            compressed = await asyncio.to_thread(compress, plain)
        states = SeatStates(read_at, EventStatus(row.status), row.organizer_id, plain, compressed)
        self._entries[event_id] = states
        return states


async def get_seat_states_cache(request: Request) -> SeatStatesCache:
    cache: SeatStatesCache = request.app.state.seat_states
    return cache


SeatStatesDep = Annotated[SeatStatesCache, Depends(get_seat_states_cache)]
