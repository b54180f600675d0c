"""An account is erased: what it waits for and holds is free at once, and nothing comes after it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from event_service import maintenance
from event_service.bookings.sql import statements
from event_service.erasures import service
from service_kit.ids import new_id
from service_kit.web.tokens import SERVICE_AUDIENCE
from tests.event_bodies import event_body
from tests.events.conftest import Json, Publish, User, messages, problem, sign
from tests.events.mutants.rewriting import rewritten
from tests.events.test_real_mails import read, written
from tests.events.waitlist import (
    MakeUser,
    SoldOut,
    cancel,
    change,
    is_in_line,
    join,
    place_of,
    rows,
)

ERASE, ASK = "users:erase", "events:organizers"


@pytest.fixture
async def auth_service(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    token = sign(new_id(), aud=SERVICE_AUDIENCE, sub="auth-service", scope=f"{ERASE} {ASK}")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://localhost/api/v1",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        yield client


async def erase(auth_service: httpx.AsyncClient, someone: User) -> None:
    answer = await auth_service.post("/bookings/erasures", json={"user_id": str(someone.id)})
    assert (answer.status_code, answer.content) == (204, b"")


def forget_whom_to_refuse(app: FastAPI) -> None:
    """As in another process, which reads it every few seconds."""
    app.state.erased_users = frozenset()


async def test_an_offer_and_a_place_in_line_go_on_at_once(
    auth_service: httpx.AsyncClient, sold_out: SoldOut, guest: User, user: MakeUser
) -> None:
    event, holder, booking = sold_out
    waits, next_one = user(), user()
    for someone in (guest, waits, next_one):
        await join(someone, event, 4)
    await cancel(holder, booking)
    assert (await place_of(guest, event))["status"] == "offered"
    await erase(auth_service, waits)
    await erase(auth_service, guest)
    assert (await place_of(next_one, event))["status"] == "offered"


async def test_a_seat_that_it_held_is_offered_to_somebody_else_who_waits(
    app: FastAPI, auth_service: httpx.AsyncClient, published: Publish, guest: User, user: MakeUser
) -> None:
    """It waits for one more seat itself, before the other."""
    event = await published(capacity=1, max_seats_per_user=2)
    assert (await guest.book(event, 1, hold=True)).status_code == 201
    await join(guest, event, 1)
    await join(next_one := user(), event, 1)
    await erase(auth_service, guest)
    assert (await place_of(next_one, event))["status"] == "offered"
    offers = await messages(app, event["id"], "waitlist-offer")
    assert [offer["user_id"] for offer in offers] == [str(next_one.id)]


async def test_what_it_held_is_anybodys_and_what_it_booked_stays(
    app: FastAPI, auth_service: httpx.AsyncClient, published: Publish, guest: User, user: MakeUser
) -> None:
    event = await published(capacity=4, max_seats_per_user=4)
    booked = (await guest.book(event, 1, key="a-key")).json()
    held = [(await guest.book(event, 1, hold=True)).json() for _ in range(3)]
    assert problem(await user().book(event, 3)) == (409, "sold-out")
    await erase(auth_service, guest)
    assert (await user().book(event, 3)).status_code == 201
    states = await rows(app, "SELECT id, status FROM booking WHERE user_id = :id", id=guest.id)
    assert {str(row.id): row.status for row in states} == {
        booked["id"]: "confirmed",
        **{one["id"]: "cancelled" for one in held},
    }
    shown = (await auth_service.get(f"/events/{event['id']}/availability")).json()
    assert shown == {"capacity": 4, "available": 0, "held": 0, "booked": 4}
    assert not await rows(app, "SELECT key FROM idempotency_key WHERE user_id = :id", id=guest.id)
    [(counted,)] = await rows(
        app, "SELECT seats FROM seat_allowance WHERE user_id = :id", id=guest.id
    )
    assert counted == 1


async def test_drafts_go_and_what_has_ended_stays(
    app: FastAPI, auth_service: httpx.AsyncClient, published: Publish, organizer: User
) -> None:
    event = await published()
    past = "starts_at = now() - interval '2 hours', ends_at = now() - interval '1 hour'"
    await change(app, f"UPDATE event SET {past} WHERE id = :id", id=event["id"])
    for _ in range(service.DRAFTS_PER_PASS + 2):
        assert (await organizer.post("/events", event_body())).status_code == 201
    await erase(auth_service, organizer)
    # A pass has an end; the relay goes on.
    await finish(app)
    left = await rows(app, "SELECT id, status FROM event WHERE organizer_id = :id", id=organizer.id)
    assert [(str(row.id), row.status) for row in left] == [(event["id"], "published")]


@pytest.mark.parametrize("by", ["telling", "repetition", "relay"])
async def test_what_was_published_after_auth_service_had_asked_is_called_off(
    app: FastAPI,
    auth_service: httpx.AsyncClient,
    published: Publish,
    organizer: User,
    user: MakeUser,
    by: str,
) -> None:
    """Its guests are told once, however often it is told."""
    asked = await auth_service.get(f"/events/organizers/{organizer.id}")
    assert asked.json() == {"upcoming_events": 0}
    if by != "telling":
        await erase(auth_service, organizer)
        # As if it was published in the same moment, and committed later.
        await change(app, "DELETE FROM erased_user WHERE user_id = :id", id=organizer.id)
        forget_whom_to_refuse(app)
    event = await published(capacity=4)
    guest, waiting = user(), user()
    bookings = [(await guest.book(event, 2, hold=hold)).json() for hold in (False, True)]
    await join(waiting, event, 1)
    if by == "relay":
        erased = "INSERT INTO erased_user VALUES (:id, now())"
        await change(app, erased, id=organizer.id)
        await finish(app)
    else:
        await erase(auth_service, organizer)
    await erase(auth_service, organizer)
    await finish(app)
    assert (await guest.get(f"/events/{event['id']}")).json()["status"] == "cancelled"
    for booking in bookings:
        shown = (await guest.get(f"/bookings/{booking['id']}")).json()
        assert shown["status"] == "cancelled"
    told = await messages(app, event["id"], "event-cancelled")
    assert sorted(m["user_id"] for m in told) == sorted([str(guest.id), str(waiting.id)])
    assert {(m["data"]["reason"], m["data"]["organizer_erased"]) for m in told} == {(None, True)}
    [text] = {
        written(read(message), "en").text for message in told if message["user_id"] == str(guest.id)
    }
    assert "The organizer's account no longer exists, so this event is cancelled" in " ".join(
        text.split()
    )
    assert not [line for line in text.split("\n") if line.startswith(">")]


async def test_an_erased_organizer_changes_nothing_where_it_is_not_known_yet(
    app: FastAPI, auth_service: httpx.AsyncClient, published: Publish, organizer: User
) -> None:
    draft = (await organizer.post("/events", event_body())).json()
    event = await published()
    # All that the erasure does but the noting, so that both events are still there.
    await change(app, "INSERT INTO erased_user VALUES (:id, now())", id=organizer.id)
    forget_whom_to_refuse(app)
    answers = [
        await organizer.post(f"/events/{draft['id']}/publish"),
        await organizer.patch(f"/events/{draft['id']}", {"title": "Another"}),
        await organizer.patch(f"/events/{event['id']}", {"title": "Another"}),
        await organizer.post(f"/events/{event['id']}/cancel", {"reason": "Ill"}),
        await organizer.post(
            f"/events/{event['id']}/messages", {"subject": "Doors", "body": "They open at six."}
        ),
        await organizer.post("/events", event_body()),
    ]
    assert [problem(answer) for answer in answers] == [(401, "not-authenticated")] * len(answers)
    states = await rows(app, "SELECT status FROM event WHERE organizer_id = :id", id=organizer.id)
    assert sorted(row.status for row in states) == ["draft", "published"]


async def finish(app: FastAPI) -> None:
    while await maintenance.finish_erasures(app.state.database, app.state.settings.offer_for):
        pass


@pytest.mark.parametrize("knows", [True, False])
async def test_a_token_that_is_still_valid_does_nothing_more(
    app: FastAPI,
    auth_service: httpx.AsyncClient,
    published: Publish,
    sold_out: SoldOut,
    guest: User,
    knows: bool,
) -> None:
    """Not in a process either that does not know yet whose tokens it must refuse."""
    event, (full, _, _) = await published(), sold_out
    before = await guest.book(event, key="before")
    assert before.status_code == 201
    await erase(auth_service, guest)
    if not knows:
        forget_whom_to_refuse(app)
    answers = [
        await guest.book(event),
        await guest.book(event, hold=True),
        await guest.book(event, key="after"),
        await guest.book(full),
        await guest.post(f"/events/{full['id']}/waitlist", {"quantity": 1}),
        await guest.post("/events", event_body()),
    ]
    assert [problem(answer) for answer in answers] == [(401, "not-authenticated")] * len(answers)
    left = await rows(app, "SELECT status FROM booking WHERE user_id = :id", id=guest.id)
    assert [row.status for row in left] == ["confirmed"]


async def test_without_a_look_at_the_table_it_would_book(
    app: FastAPI,
    auth_service: httpx.AsyncClient,
    published: Publish,
    guest: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: only what a process has read a few seconds ago."""
    look = "FROM erased_user WHERE"
    changed = rewritten(statements.open_batch, (look, f"{look} false AND"))
    monkeypatch.setattr(statements, "open_batch", changed)
    event = await published()
    await erase(auth_service, guest)
    assert problem(await guest.book(event)) == (401, "not-authenticated")
    forget_whom_to_refuse(app)
    assert (await guest.book(event)).status_code == 201


async def test_what_was_under_way_while_the_account_was_erased_ends_too(
    app: FastAPI, auth_service: httpx.AsyncClient, sold_out: SoldOut, guest: User, user: MakeUser
) -> None:
    """Each had looked before, and came after: the relay finds them."""
    event, holder, booking = sold_out
    await erase(auth_service, guest)
    row = "SELECT * FROM erased_user WHERE user_id = :id"
    [erased] = await rows(app, row, id=guest.id)
    forget_whom_to_refuse(app)
    await change(app, "DELETE FROM erased_user WHERE user_id = :id", id=guest.id)
    await join(guest, event, 4)
    draft = await guest.post("/events", event_body())
    assert draft.status_code == 201
    await cancel(holder, booking)
    assert (await place_of(guest, event))["status"] == "offered"
    await join(next_one := user(), event, 4)
    await change(app, "INSERT INTO erased_user VALUES (:id, :at)", id=guest.id, at=erased.erased_at)
    await finish(app)
    assert not await is_in_line(guest, event)
    assert (await place_of(next_one, event))["status"] == "offered"
    # Not asked of the API: the process may know by now whose tokens it must refuse.
    draft_id = UUID(draft.json()["id"])
    assert await rows(app, "SELECT id FROM event WHERE id = :id", id=draft_id) == []


async def test_it_is_safe_to_repeat_and_at_once(
    app: FastAPI, auth_service: httpx.AsyncClient, sold_out: SoldOut, guest: User, user: MakeUser
) -> None:
    event, holder, booking = sold_out
    await join(guest, event, 4)
    await join(next_one := user(), event, 4)
    await cancel(holder, booking)
    await asyncio.gather(*(erase(auth_service, guest) for _ in range(6)))
    await erase(auth_service, guest)
    assert (await place_of(next_one, event))["status"] == "offered"
    found = await rows(app, "SELECT count(*) FROM erased_user WHERE user_id = :id", id=guest.id)
    assert found[0][0] == 1
    # Nobody has heard of this account, and it may be erased as well.
    await erase(auth_service, user())


async def test_an_account_with_thousands_of_bookings_is_erased_in_bounded_steps(
    app: FastAPI, auth_service: httpx.AsyncClient, published: Publish, guest: User
) -> None:
    event = await published(capacity=1)
    await change(
        app,
        """
        INSERT INTO booking (id, event_id, user_id, status, quantity, total, currency, created_at,
            expires_at)
        SELECT gen_random_uuid(), :event_id, :user_id, CASE WHEN n <= 1450 THEN 'held' ELSE 'confirmed'
            END, 1, 0, 'EUR', now(), CASE WHEN n <= 1450 THEN now() + interval '1 hour' END
        FROM generate_series(1, 5000) AS n
        """,
        event_id=event["id"],
        user_id=guest.id,
    )
    await change(
        app,
        "INSERT INTO seat_allowance VALUES (:event_id, :user_id, 5000, 5000)",
        event_id=event["id"],
        user_id=guest.id,
    )
    await erase(auth_service, guest)
    counted = "SELECT status, count(*) FROM booking WHERE user_id = :id GROUP BY status"
    first = dict([tuple(row) for row in await rows(app, counted, id=guest.id)])
    assert first == {"confirmed": 3550, "held": 450, "cancelled": 1000}
    await finish(app)
    last = dict([tuple(row) for row in await rows(app, counted, id=guest.id)])
    assert last == {"confirmed": 3550, "cancelled": 1450}


async def test_organizers_are_counted_by_what_has_not_ended(
    app: FastAPI, auth_service: httpx.AsyncClient, published: Publish, organizer: User
) -> None:
    async def count() -> Any:
        answer = await auth_service.get(f"/events/organizers/{organizer.id}")
        assert answer.status_code == 200
        return answer.json()

    assert await count() == {"upcoming_events": 0}
    await organizer.post("/events", event_body())
    over, called_off, _ = [await published() for _ in "123"]
    assert await count() == {"upcoming_events": 3}
    await organizer.post(f"/events/{called_off['id']}/cancel")
    past = "starts_at = now() - interval '2 hours', ends_at = now() - interval '1 hour'"
    await change(app, f"UPDATE event SET {past} WHERE id = :id", id=over["id"])
    assert await count() == {"upcoming_events": 1}


@pytest.mark.parametrize("scope", ["", "notifications:send", "user"])
async def test_only_auth_service_may(app: FastAPI, guest: User, scope: str) -> None:
    token = sign(new_id(), aud=SERVICE_AUDIENCE, sub="another", scope=scope)
    body = {"user_id": str(guest.id)}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost/api/v1"
    ) as other:
        headers = {"Authorization": f"Bearer {token}"} if scope != "user" else guest.http.headers
        for answer in (
            await other.post("/bookings/erasures", json=body, headers=headers),
            await other.get(f"/events/organizers/{guest.id}", headers=headers),
        ):
            assert problem(answer) == (403, "forbidden")
    assert (await guest.get("/bookings")).status_code == 200


@pytest.mark.parametrize("body", [{}, {"user_id": None}, {"user_id": "x"}, [], {"user_id": 7}])
async def test_what_names_no_account_is_refused(
    auth_service: httpx.AsyncClient, body: Json
) -> None:
    assert problem(await auth_service.post("/bookings/erasures", json=body)) == (
        422,
        "invalid-request",
    )
