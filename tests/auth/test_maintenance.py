"""What is forgotten, and that models and migrations agree."""

import asyncio
from datetime import timedelta

from sqlmodel import select

from auth_service.maintenance import purge
from auth_service.models import AttemptCount, AuditEvent, RefreshToken, UserSession
from service_kit.clock import utc_now
from tests.auth.conftest import MakeSettings
from tests.auth.people import People
from tests.auth.processes import run


async def test_ended_sessions_counts_and_old_events_are_forgotten(
    people: People, auth_settings: MakeSettings
) -> None:
    person = await people.sign_in()
    await people.try_password(person.email, "not the password")
    now = utc_now()
    for column in ("expires_at", "idle_at", "revoked_at"):
        other = await people.sign_in(person)
        async with people.database.transaction() as session:
            rows = (
                await session.exec(select(UserSession).where(UserSession.user_id == other.id))
            ).all()
            newest = max(rows, key=lambda row: row.id)
            setattr(newest, column, now - timedelta(days=8))
    old_event = AuditEvent(action="x", user_id=person.id, occurred_at=now - timedelta(days=366))
    old_count = AttemptCount(key=person.id.bytes, attempts=3, ends_at=now - timedelta(minutes=1))
    async with people.database.transaction() as session:
        session.add_all([old_event, old_count])
    await asyncio.gather(*(purge(people.database, auth_settings()) for _ in range(2)))
    async with people.database.transaction() as session:
        left = (
            await session.exec(select(UserSession).where(UserSession.user_id == person.id))
        ).all()
        tokens = await session.exec(
            select(RefreshToken).join(UserSession).where(UserSession.user_id == person.id)
        )
        assert len(left) == 1 and len(tokens.all()) == 1
        assert await session.get(AttemptCount, old_count.key) is None
    assert "x" not in await people.actions(person)
    assert "account.registered" in await people.actions(person)


async def test_models_and_migrations_agree(auth_settings: MakeSettings) -> None:
    done = await asyncio.to_thread(run, auth_settings(), "auth_service.migrate", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
