"""A restored host is whole, and sends nothing twice that had been sent."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from auth_service.doctor.checks import make_checks as auth_checks
from auth_service.migrate import create_key_and_clients
from auth_service.settings import Settings as AuthSettings
from deployment import restore as restore_module
from deployment import swap
from deployment.archive import Manifest
from deployment.backup import Options as BackupOptions
from deployment.backup import back_up, backup_lock
from deployment.errors import CommandFailed
from deployment.layout import Layout
from deployment.postgres import Part, Server, Session
from deployment.restore import Options, confirm
from deployment.restore import main as restore_command
from deployment.restore import open_backup, restore
from deployment.signals import ENDING, Stopped, stop_on_signals
from deployment.steps import Steps
from event_service.doctor.checks import make_checks as event_checks
from event_service.settings import Settings as EventSettings
from notification_service.doctor.checks import make_checks as notification_checks
from notification_service.messages.incoming import read_message
from notification_service.messages.service import record
from notification_service.settings import Settings as NotificationSettings
from service_kit.database.engine import Database
from service_kit.doctor import examine
from service_kit.ids import new_id
from tests.conftest import SECRET
from tests.deployment.databases import layout_with_key, make_databases, server_of_run
from tests.event_bodies import event_body
from tests.events.conftest import User, running_patiently
from tests.notifications.messages import make_message

QUIET = Steps(lambda _: None)


@dataclass
class Services:
    """The services' settings, by their databases' names on a host."""

    auth: AuthSettings
    events: EventSettings
    notifications: NotificationSettings

    @classmethod
    def make(cls, urls: dict[str, str], redis_url: str) -> "Services":
        common = {
            "environment": "development",
            "cache_redis_url": redis_url,
            "broker_url": redis_url,
            "rate_limit_enabled": False,
            "statement_timeout_seconds": 60,
            "lock_timeout_seconds": 30,
            "database_pool_timeout_seconds": 60,
            "log_level": "WARNING",
            "gauges_refresh_seconds": 3600,
        }
        secrets = {
            "secret_key": SECRET,
            "verification_token_secret": f"{SECRET}-verification",
            "reset_password_token_secret": f"{SECRET}-reset",
        }
        return cls(
            AuthSettings.model_validate({**common, **secrets, "database_url": urls["auth"]}),
            EventSettings.model_validate({**common, "database_url": urls["events"]}),
            NotificationSettings.model_validate({**common, "database_url": urls["notifications"]}),
        )


@dataclass
class HostForTests:
    """No containers: what a restore asks of them, and how often."""

    services: Services
    calls: list[str] = field(default_factory=list)
    failing: str = ""

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call == self.failing:
            raise CommandFailed(f"{call} fails")

    def stop(self) -> None:
        self._note("stop")

    def empty_queues(self) -> None:
        self._note("empty_queues")

    def migrate(self) -> None:
        self._note("migrate")

    def start(self) -> None:
        self._note("start")

    def examine(self) -> None:
        self._note("examine")

    def hold(self, taken_at: datetime) -> Part:
        self._note("hold")
        settings = self.services.notifications
        environment = {
            "PYTHONPATH": ":".join(sys.path),
            "ENVIRONMENT": "development",
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "CACHE_REDIS_URL": settings.cache_redis_url.get_secret_value(),
            "BROKER_URL": settings.broker_url.get_secret_value(),
        }
        module = "notification_service.hold"
        return Part([sys.executable, "-m", module, "--taken-at", taken_at.isoformat()], environment)


class InterruptedHost(HostForTests):
    """Somebody presses Ctrl-C while it starts."""

    def start(self) -> None:
        signal.raise_signal(signal.SIGINT)
        super().start()


@pytest.fixture
def signals() -> Iterator[None]:
    """They stop a command, as on a host."""
    before = {signum: signal.getsignal(signum) for signum in ENDING}
    stop_on_signals()
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.fixture
async def services(postgres_url: str, redis_url: str) -> AsyncIterator[Services]:
    services = Services.make(await make_databases(postgres_url), redis_url)
    await create_key_and_clients(services.auth)
    yield services
    server = server_of_run(postgres_url)
    swap.drop(server, *swap.list_before(server))


@pytest.fixture
def server(postgres_url: str, services: Services) -> Server:
    return server_of_run(postgres_url)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return layout_with_key(tmp_path, "k" * 40)


async def run(settings: Any, statement: str, **values: Any) -> list[Any]:
    database = Database(settings, application_name="tests")
    try:
        async with database.transaction() as session:
            done = await session.execute(text(statement), values)
            return list(done.all()) if getattr(done, "returns_rows", False) else []
    finally:
        await database.close()


async def receive(services: Services, *messages: Any) -> int:
    """As a worker does; of how many a mail is made that was not there."""
    database = Database(services.notifications, application_name="tests")
    try:
        async with database.transaction() as session:
            readable = [read_message(message) for message in messages]
            return len(await record(await session.connection(), readable))
    finally:
        await database.close()


async def mark_sent(services: Services) -> None:
    await run(
        services.notifications,
        "UPDATE notification SET status = 'sent', sent_at = now(), lease_until = NULL",
    )


async def write_to_outbox(services: Services, message: Any) -> None:
    await run(
        services.events,
        "INSERT INTO outbox (id, task, topic, message, created_at, next_attempt_at, attempts)"
        " VALUES (:id, 'notifications.send', '', CAST(:message AS jsonb), now(), now(), 0)",
        id=UUID(message["id"]),
        message=json.dumps(message),
    )


async def statuses(services: Services) -> dict[str, str]:
    rows = await run(services.notifications, "SELECT id::text, status FROM notification")
    return dict(rows)


def take_backup(layout: Layout, server: Server) -> Manifest:
    _, manifest, _ = back_up(layout, server, BackupOptions(is_checked=False), QUIET)
    return manifest


async def bring_back(layout: Layout, server: Server, host: HostForTests, **options: Any) -> str:
    folder, manifest, cipher = open_backup(layout, "latest")
    return await asyncio.to_thread(
        restore, layout, server, host, folder, manifest, cipher, Options(**options), QUIET
    )


@dataclass
class Mails:
    """Of a host that has gone on for a while after its backup."""

    sent_before: Any
    queued: Any
    on_its_way: Any
    written_since: Any


@pytest.fixture
async def mails(services: Services, layout: Layout, server: Server) -> Mails:
    mails = Mails(*(make_message() for _ in range(4)))
    await receive(services, mails.sent_before)
    await mark_sent(services)
    await receive(services, mails.queued)
    await write_to_outbox(services, mails.on_its_way)
    take_backup(layout, server)
    await receive(services, mails.on_its_way, mails.written_since)
    await mark_sent(services)
    return mails


async def test_what_was_sent_since_the_backup_is_not_sent_again(
    services: Services, layout: Layout, server: Server, mails: Mails
) -> None:
    host = HostForTests(services)
    told = await bring_back(layout, server, host)
    assert host.calls == ["stop", "empty_queues", "migrate", "start", "examine"]
    assert set((await statuses(services)).values()) == {"sent"}
    again = {**mails.written_since, "id": str(new_id())}
    assert await receive(services, mails.on_its_way, again) == 0
    assert "Mails: 4 that were sent since the backup are known" in told


async def test_control_without_that_knowledge_it_is_sent_again(
    services: Services, layout: Layout, server: Server, mails: Mails
) -> None:
    """The same host, whose database of before is lost."""
    server.query("DROP DATABASE notifications WITH (FORCE)")
    told = await bring_back(layout, server, HostForTests(services), hold_mails=False)
    assert (await statuses(services))[mails.queued["id"]] == "queued"
    assert await receive(services, mails.on_its_way) == 1
    assert "may come twice" in told


async def test_where_nothing_is_known_mails_are_held_with_a_reason(
    services: Services, layout: Layout, server: Server, mails: Mails
) -> None:
    server.query("DROP DATABASE notifications WITH (FORCE)")
    told = await bring_back(layout, server, HostForTests(services))
    assert await statuses(services) == {
        mails.sent_before["id"]: "sent",
        mails.queued["id"]: "failed",
        mails.on_its_way["id"]: "failed",
    }
    assert await receive(services, mails.on_its_way) == 0
    [(reason,)] = await run(services.notifications, "SELECT DISTINCT last_error FROM notification"
                            " WHERE status = 'failed'")  # fmt: skip
    assert reason.startswith("Held after a restore: it may have been sent after 20")
    assert "Mails: 2 may have been sent since" in told


async def test_a_database_of_another_server_is_not_believed(
    services: Services, layout: Layout, server: Server, mails: Mails
) -> None:
    """A new host has empty databases, in which nothing was ever sent."""
    await run(services.notifications, "TRUNCATE notification")
    told = await bring_back(layout, server, HostForTests(services))
    assert "Mails: 2 may have been sent since" in told


async def test_sessions_end_unless_they_are_kept(
    services: Services, layout: Layout, server: Server
) -> None:
    await run(
        services.auth,
        "WITH person AS (INSERT INTO account (id, email, hashed_password, credentials_version,"
        " is_active, is_superuser, is_verified, full_name, locale, created_at, updated_at) VALUES"
        " (gen_random_uuid(), 'a@example.com', '', 1, true, false, true, '', 'en', now(), now())"
        " RETURNING id) INSERT INTO user_session (id, user_id, kind, created_at, last_used_at,"
        " expires_at, idle_at, address, user_agent) SELECT gen_random_uuid(), id, 'token', now(),"
        " now(), now(), now(), '', '' FROM person",
    )
    take_backup(layout, server)
    ended = "SELECT revoked_at IS NOT NULL FROM user_session"
    await bring_back(layout, server, HostForTests(services), keep_sessions=True)
    assert await run(services.auth, ended) == [(False,)]
    await bring_back(layout, server, HostForTests(services))
    assert await run(services.auth, ended) == [(True,)]


@pytest.mark.parametrize("failing", ["stop", "empty_queues", "migrate"])
async def test_a_restore_that_fails_puts_back_what_was_in_use(
    services: Services, layout: Layout, server: Server, mails: Mails, failing: str
) -> None:
    await run(services.events, "INSERT INTO stale_tag VALUES (gen_random_uuid(), 'since')")
    host = HostForTests(services, failing=failing)
    with pytest.raises(CommandFailed, match=f"{failing} fails"):
        await bring_back(layout, server, host)
    assert host.calls[-1] == "start"
    assert await run(services.events, "SELECT tag FROM stale_tag") == [("since",)]
    assert swap.list_before(server) == []


@pytest.mark.parametrize("is_signal", [True, False])
async def test_no_signal_disturbs_the_way_back(
    services: Services,
    layout: Layout,
    server: Server,
    mails: Mails,
    monkeypatch: pytest.MonkeyPatch,
    signals: None,
    is_signal: bool,
) -> None:
    """Which a signal or a failure has begun. Nor does a PostgreSQL that answers again after a moment."""
    asked = []

    class Interrupted(HostForTests):
        def migrate(self) -> None:
            super().migrate()
            if not is_signal:
                raise CommandFailed("migrate fails")
            signal.raise_signal(signal.SIGHUP)

        def start(self) -> None:
            signal.raise_signal(signal.SIGTERM)
            super().start()

    class Away(Server):
        def query(self, sql: str, database: str = "postgres") -> list[list[str]]:
            if sql == "SELECT 1":
                asked.append(sql)
                if len(asked) == 1:
                    raise CommandFailed("no such container")
            return super().query(sql, database)

    monkeypatch.setattr(restore_module, "SERVER_PAUSE_SECONDS", 0)
    host = Interrupted(services)
    folder, manifest, cipher = open_backup(layout, "latest")
    with pytest.raises(Stopped, match="signal 1$" if is_signal else "signal 15$"):
        restore(layout, Away(server.prefix), host, folder, manifest, cipher, Options(), QUIET)
    assert host.calls == ["stop", "empty_queues", "migrate", "start"]
    assert asked == ["SELECT 1"] * 2
    assert swap.list_before(server) == []


async def test_databases_that_cannot_be_exchanged_stay_in_use(
    services: Services,
    layout: Layout,
    server: Server,
    mails: Mails,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody uses one of them all the same."""
    monkeypatch.setattr(swap, "END_CONNECTIONS", "SELECT '{name}'")
    await run(services.events, "INSERT INTO stale_tag VALUES (gen_random_uuid(), 'since')")
    host = HostForTests(services)
    with Session(server, "auth") as session:
        session.ask("SELECT 1")
        with pytest.raises(CommandFailed, match="is being accessed by other users"):
            await bring_back(layout, server, host)
    assert host.calls == ["stop", "start"]
    assert await run(services.events, "SELECT tag FROM stale_tag") == [("since",)]
    assert swap.list_before(server) == []


async def test_services_are_started_whoever_interrupts_that(
    services: Services, layout: Layout, server: Server, mails: Mails, signals: None
) -> None:
    host = InterruptedHost(services)
    folder, manifest, cipher = open_backup(layout, "latest")
    with pytest.raises(Stopped, match="signal 2"):
        restore(layout, server, host, folder, manifest, cipher, Options(), QUIET)
    assert host.calls[-1] == "start"


def test_what_a_restore_has_put_aside_is_not_deleted_while_it_may_need_it(
    layout: Layout, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["restore", "--drop-previous"])
    monkeypatch.setattr("deployment.restore.find_layout", lambda: layout)
    monkeypatch.setattr("deployment.restore.server_of", lambda engine: server)
    monkeypatch.setattr("deployment.restore.stop_on_signals", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with backup_lock(layout), pytest.raises(CommandFailed, match="another backup or restore"):
        restore_command()


async def test_a_damaged_backup_changes_nothing(
    services: Services, layout: Layout, server: Server
) -> None:
    take_backup(layout, server)
    [file] = layout.backups.glob("*/auth.dump.enc")
    os.truncate(file, file.stat().st_size - 1)
    with pytest.raises(CommandFailed, match="damaged"):
        await bring_back(layout, server, HostForTests(services))


async def test_a_backup_of_the_key_before_opens(
    services: Services, layout: Layout, server: Server
) -> None:
    manifest = take_backup(layout, server)
    key = layout.secrets / "backup_key"
    key.rename(layout.secrets / "backup_key.old")
    key.write_text("another" * 6)
    assert open_backup(layout, manifest.name)[1] == manifest


def test_nothing_happens_without_the_word() -> None:
    manifest = Manifest("x", datetime.now(UTC).isoformat(), "1", "1", True, 0.0)
    confirm(manifest, lambda _: "restore\n")
    with pytest.raises(CommandFailed, match="nothing was changed"):
        confirm(manifest, lambda _: "yes")


async def test_a_backup_under_load_restores_to_what_the_doctors_find_whole(
    services: Services, layout: Layout, server: Server
) -> None:
    async with running_patiently(services.events) as app:
        organizer = User(app, new_id())
        made = await organizer.post(
            "/events", event_body(seating={"kind": "general", "capacity": 900})
        )
        event = made.json()
        await organizer.post(f"/events/{event['id']}/publish")
        is_over = asyncio.Event()
        buyers = [asyncio.create_task(buy_and_cancel(app, event, is_over)) for _ in range(6)]
        await asyncio.sleep(0.5)
        manifest = await asyncio.to_thread(take_backup, layout, server)
        is_over.set()
        booked = sum(await asyncio.gather(*buyers))
        await organizer.http.aclose()
    kept = manifest.dumps["events"].counts["public.booking"]
    assert manifest.is_one_moment and 0 < kept < booked
    await bring_back(layout, server, HostForTests(services))
    assert await run(services.events, "SELECT count(*) FROM booking") == [(kept,)]
    assert await find_all(services) == []


async def buy_and_cancel(app: Any, event: Any, is_over: asyncio.Event) -> int:
    booked = 0
    while not is_over.is_set():
        guest = User(app, new_id())
        booking = await guest.book(event, 2, hold=booked % 3 == 1)
        assert booking.status_code == 201, booking.text
        booked += 1
        if booked % 2:
            await guest.post(f"/bookings/{booking.json()['id']}/cancel")
        await guest.http.aclose()
    return booked


async def find_all(services: Services) -> list[str]:
    """What the three doctors find."""
    lines: list[str] = []
    for settings, checks in (
        (services.auth, auth_checks(services.auth)),
        (services.events, event_checks(services.events)),
        (services.notifications, notification_checks(services.notifications)),
    ):
        database = Database(settings, application_name="tests")
        await examine(database, checks, is_repair=False, say=lines.append)
        await database.close()
    return lines
