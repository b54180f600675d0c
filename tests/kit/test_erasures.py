"""Tokens of accounts that have been erased."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel import select

from service_kit.database.engine import Database
from service_kit.web import erasures
from service_kit.web.erasures import (
    ErasedUserRow,
    kept_for,
    note_erasure,
    purge_erasures,
    watch_erasures,
)
from tests.kit.conftest import USER, MakeSettings, bearer, client_of, problem, serving

# Several test processes use one database at the same time.
TABLE = f"kit_erased_users_{os.environ.get('PYTEST_XDIST_WORKER', '')}"
OTHER = "0198c0de-0000-7000-8000-00000000000b"


class ErasedUser(ErasedUserRow, table=True):
    __tablename__ = TABLE


@pytest.fixture
async def app(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FastAPI]:
    monkeypatch.setattr(erasures, "REFRESH_SECONDS", 0.05)
    async with serving(make_settings()) as app:
        database: Database = app.state.database
        async with database.transaction() as session:
            await session.execute(text(f"DROP TABLE IF EXISTS {TABLE}"))
            await session.execute(
                text(
                    f"CREATE TABLE {TABLE}"
                    " (user_id uuid PRIMARY KEY, erased_at timestamptz NOT NULL)"
                )
            )
        async with watch_erasures(app.state, ErasedUser):
            yield app
        async with database.transaction() as session:
            await session.execute(text(f"DROP TABLE {TABLE}"))


async def ask(app: FastAPI, **claims: Any) -> httpx.Response:
    async with client_of(app) as client:
        return await client.get("/open", headers=bearer(**claims))


async def until_refused(app: FastAPI) -> httpx.Response:
    async with asyncio.timeout(10):
        while (answer := await ask(app)).status_code == 200:
            await asyncio.sleep(0.01)
    return answer


async def test_a_token_of_an_erased_account_is_refused_in_every_process(app: FastAPI) -> None:
    assert (await ask(app)).status_code == 200
    async with app.state.database.transaction() as session:
        # As another process does it.
        await note_erasure(session, ErasedUser, USER)
    answer = await until_refused(app)
    assert problem(answer) == (401, "not-authenticated")
    assert (await ask(app, sub=OTHER)).status_code == 200


async def test_the_process_that_notes_an_erasure_refuses_at_once_and_may_note_it_again(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        async with app.state.database.transaction() as session:
            await note_erasure(session, ErasedUser, USER, state=app.state)
    assert USER in app.state.erased_users
    assert problem(await until_refused(app)) == (401, "not-authenticated")


async def test_an_id_is_forgotten_once_no_token_can_be_valid(app: FastAPI) -> None:
    database, settings = app.state.database, app.state.settings
    async with database.transaction() as session:
        await note_erasure(session, ErasedUser, USER)
    await purge_erasures(database, ErasedUser, settings)
    assert problem(await until_refused(app)) == (401, "not-authenticated")
    assert kept_for(settings) > timedelta(
        seconds=settings.access_token_seconds + settings.token_leeway_seconds
    )
    async with database.transaction() as session:
        row = (await session.exec(select(ErasedUser))).one()
        row.erased_at -= kept_for(settings)
    await purge_erasures(database, ErasedUser, settings)
    async with database.transaction() as session:
        assert (await session.exec(select(ErasedUser))).all() == []
