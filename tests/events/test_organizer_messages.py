"""What an organizer writes is kept once and becomes each guest's message in batches."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI

from event_service import maintenance
from event_service.events import organizer_messages
from tests.events.conftest import Json, Publish, User, messages
from tests.events.waitlist import change, rows

LETTER = {"subject": "Doors", "body": "They open at six."}


@pytest.fixture(autouse=True)
async def nothing_is_left(app: FastAPI) -> None:
    """Other tests share the table."""
    await change(app, "DELETE FROM organizer_message")


async def send(organizer: User, event: Json) -> int:
    answer = await organizer.post(f"/events/{event['id']}/messages", LETTER)
    assert answer.status_code == 202, answer.text
    guests: int = answer.json()["guests"]
    return guests


async def left(app: FastAPI, event: Json) -> int:
    found = await rows(
        app, "SELECT count(*) FROM organizer_message WHERE event_id = :id", id=event["id"]
    )
    return int(found[0][0])


async def test_each_guest_of_that_moment_gets_it_once_however_many_batches_it_takes(
    app: FastAPI,
    organizer: User,
    published: Publish,
    user: Callable[..., User],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(organizer_messages, "GUESTS_PER_BATCH", 2)
    event = await published(capacity=20)
    guests, late = [user() for _ in range(5)], user()
    for guest in guests:
        assert (await guest.book(event)).status_code == 201
    assert await send(organizer, event) == 5
    # Whatever happens before the last batch.
    assert (await late.book(event)).status_code == 201
    cancelled = await organizer.post(f"/events/{event['id']}/cancel", {"reason": "Ill"})
    assert cancelled.status_code == 200

    steps = 0
    while await maintenance.send_organizer_messages(app.state.database):
        steps += 1

    told = await messages(app, event["id"], "organizer-message")
    assert sorted(m["user_id"] for m in told) == sorted(str(guest.id) for guest in guests)
    assert {(m["data"]["subject"], m["data"]["body"]) for m in told} == {tuple(LETTER.values())}
    assert (steps, await left(app, event)) == (3, 0)


async def test_a_batch_that_fails_is_written_whole_the_next_time(
    app: FastAPI,
    organizer: User,
    guest: User,
    published: Publish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = await published(capacity=5)
    assert (await guest.book(event)).status_code == 201
    assert await send(organizer, event) == 1

    def fail(*_: object) -> None:
        raise RuntimeError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(organizer_messages, "delete", fail)
        with pytest.raises(RuntimeError):
            await maintenance.send_organizer_messages(app.state.database)
    assert await messages(app, event["id"], "organizer-message") == []
    assert await left(app, event) == 1
    while await maintenance.send_organizer_messages(app.state.database):
        pass
    assert len(await messages(app, event["id"], "organizer-message")) == 1


async def test_nobody_to_write_to_leaves_nothing_behind(
    app: FastAPI, organizer: User, published: Publish
) -> None:
    event = await published(capacity=5)
    assert await send(organizer, event) == 0
    while await maintenance.send_organizer_messages(app.state.database):
        pass
    assert await messages(app, event["id"], "organizer-message") == []
    assert await left(app, event) == 0
