"""Whoever writes many large events at once keeps nobody else's connections."""

import asyncio

import pytest
from fastapi import FastAPI

from tests.events.conftest import User
from tests.events.test_event_rules import MakeUser, general

SLOW_SECONDS = 0.3


async def test_many_drafts_at_once_take_one_connection(
    app: FastAPI, organizer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, most = 0, 0

    async def store_slowly(*arguments: object, **options: object) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(SLOW_SECONDS)
        inside -= 1

    monkeypatch.setattr("event_service.events.service.lock_drafts", store_slowly)
    answers = await asyncio.gather(*(organizer.post("/events", general(5)) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert most == 1


async def test_two_people_write_at_once(
    app: FastAPI, user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = asyncio.Barrier(2)

    async def meet(*arguments: object, **options: object) -> None:
        async with asyncio.timeout(10):
            await both.wait()

    monkeypatch.setattr("event_service.events.service.lock_drafts", meet)
    answers = await asyncio.gather(*(user().post("/events", general(5)) for _ in range(2)))
    assert {answer.status_code for answer in answers} == {201}
