"""Two that touch the line, each stopped between its look and its deed until the other waits or is done."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from fastapi import FastAPI

from event_service import maintenance
from event_service.bookings import cancel as cancelling
from event_service.bookings import offers, queries, transitions
from event_service.bookings.sql import statements
from event_service.bookings.waitlist import service
from event_service.bookings.waitlist.queries import find_entry
from tests.events.conftest import Publish, User
from tests.events.mutants.rewriting import rewritten
from tests.events.waitlist import (
    MakeUser,
    SoldOut,
    cancel,
    change,
    fill,
    find_forgotten,
    join,
    join_somehow,
    place_of,
    rows,
    sweep,
)


class Meanwhile:
    """``step``, after which the first to take it stops until ``work`` is done or waits for a lock."""

    def __init__(
        self, app: FastAPI, step: Any, work: Callable[[], Coroutine[Any, Any, Any]]
    ) -> None:
        self.app = app
        self.step = step
        self.work = work
        self.task: asyncio.Task[Any] | None = None

    async def __call__(self, *arguments: Any, **more: Any) -> Any:
        found = await self.step(*arguments, **more)
        if self.task is None:
            self.task = asyncio.create_task(self.work())
            while not self.task.done() and not await self._somebody_waits():
                await asyncio.sleep(0.005)
        return found

    async def _somebody_waits(self) -> bool:
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool(await rows(self.app, f"{waiting} AND datname = current_database()"))


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_nobody_joins_between_the_look_at_the_line_and_the_seats_coming_free(
    app: FastAPI,
    sold_out: SoldOut,
    guest: User,
    monkeypatch: pytest.MonkeyPatch,
    is_guarded: bool,
) -> None:
    """Without the lock on the event this person waits for a seat that is free, and is forgotten."""
    event, holder, booking = sold_out

    async def bare_lock(session: Any, booking_id: Any, *, user_id: Any, **_: Any) -> Any:
        return await queries.lock_event_of_booking(session, booking_id, user_id=user_id)

    if not is_guarded:
        monkeypatch.setattr(cancelling, "lock_event_of_booking", bare_lock)
    meanwhile = Meanwhile(app, offers.lock_waitlist, lambda: join_somehow(guest, event, 1))
    monkeypatch.setattr(transitions, "lock_waitlist", meanwhile)
    await cancel(holder, booking)
    assert meanwhile.task
    assert await meanwhile.task == (409 if is_guarded else 201)
    assert (await find_forgotten(app, event) is None) == is_guarded


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_two_who_free_a_seat_each_see_the_others(
    app: FastAPI,
    published: Publish,
    user: MakeUser,
    monkeypatch: pytest.MonkeyPatch,
    is_guarded: bool,
) -> None:
    """Without the lock on the line each sees one seat, and the group of two is forgotten."""
    event = await published(capacity=2)
    one, other, group = user(), user(), user()
    bookings = await fill(event, [one, other])
    await join(group, event, 2)
    if not is_guarded:
        bare = rewritten(statements.lock_waitlist, ("FOR UPDATE OF waitlist_entry", ""))
        monkeypatch.setattr(statements, "lock_waitlist", bare)
    meanwhile = Meanwhile(app, offers.offer_free_seats, lambda: cancel(other, bookings[1]))
    monkeypatch.setattr(transitions, "offer_free_seats", meanwhile)
    await cancel(one, bookings[0])
    assert meanwhile.task
    await meanwhile.task
    assert (await find_forgotten(app, event) is None) == is_guarded
    # What is forgotten once is found by the sweeper.
    await sweep(app)
    assert (await place_of(group, event))["status"] == "offered"


@pytest.mark.parametrize("is_guarded", [True, False])
async def test_who_leaves_the_line_of_a_past_event_is_not_taken_out_of_it_twice(
    app: FastAPI,
    sold_out: SoldOut,
    guest: User,
    monkeypatch: pytest.MonkeyPatch,
    is_guarded: bool,
) -> None:
    """Without the lock on the event the relay is there first; the allowance is lowered once even so."""
    event, _, _ = sold_out
    await join(guest, event, 2)
    over = "starts_at = now() - interval '2 hours', ends_at = now() - interval '1 hour'"
    await change(app, f"UPDATE event SET {over} WHERE id = :id", id=event["id"])
    if not is_guarded:
        lock = "FOR NO KEY UPDATE OF event SKIP LOCKED"
        bare = rewritten(statements.delete_entries_of_past_events, (lock, ""))
        monkeypatch.setattr(statements, "delete_entries_of_past_events", bare)
    meanwhile = Meanwhile(app, find_entry, lambda: maintenance.end_waitlists(app.state.database))
    monkeypatch.setattr(service, "find_entry", meanwhile)
    answer = await guest.delete(f"/events/{event['id']}/waitlist")
    assert meanwhile.task
    await meanwhile.task
    assert answer.status_code == (204 if is_guarded else 404), answer.text
    left = "SELECT seats FROM seat_allowance WHERE user_id = :id"
    assert [row.seats for row in await rows(app, left, id=guest.id)] == [0]
