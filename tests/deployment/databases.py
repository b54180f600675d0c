"""A host's databases, on the PostgreSQL of the test run."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from deployment.layout import Layout
from deployment.postgres import Server, Session
from stack.postgres import BINARIES
from tests.conftest import copy_database

SERVICE_OF = {"auth": "auth", "events": "event", "notifications": "notification"}


def server_of_run(postgres_url: str) -> Server:
    """Its programs run here, as ``docker exec`` would run them in the container."""
    url = urlsplit(postgres_url)
    path = f"{BINARIES}:{os.environ['PATH']}"
    settings = (f"PGHOST={url.hostname}", f"PGPORT={url.port}", f"PGPASSWORD={url.password}")
    return Server(("env", f"PATH={path}", *settings))


async def make_databases(postgres_url: str) -> dict[str, str]:
    """New ones, under the names and with the roles that they have on a host; their URLs for SQLAlchemy."""
    server = server_of_run(postgres_url)
    for name in SERVICE_OF:
        if not server.value(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'"):
            server.query(f'CREATE ROLE "{name}" LOGIN')
    return {
        name: await copy_database(postgres_url, service, name)
        for name, service in SERVICE_OF.items()
    }


class Writer:
    """Writes one row after the other: first into ``events`` and, when that is committed, into ``auth``.
    At any one moment events has as many as auth has, or one more."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = Event()
        self._thread = Thread(target=self._write)

    def _write(self) -> None:
        with Session(self._server, "events") as events, Session(self._server, "auth") as auth:
            while not self._stop.is_set():
                events.ask("INSERT INTO erased_user VALUES (gen_random_uuid(), now())")
                auth.ask("INSERT INTO erasure VALUES (gen_random_uuid(), 'x', now(), now())")

    def __enter__(self) -> Self:
        self._thread.start()
        time.sleep(0.2)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()


def layout_with_key(home: Path, key: str = "") -> Layout:
    """A host's folder; with a key the backups in it are encrypted."""
    layout = Layout(home)
    layout.secrets.mkdir(parents=True)
    (layout.secrets / "backup_key").write_text(key)
    (layout.secrets / "secret_key").write_text("what-nobody-may-read")
    layout.settings.write_text("PUBLIC_HOST=tickets.example.com\n")
    return layout


def age(layout: Layout, folder: Path, days: int) -> Path:
    """Gives a backup the name of an older one."""
    moment = datetime.now(UTC) - timedelta(days=days)
    return folder.rename(layout.backups / f"{moment:%Y%m%dT%H%M%SZ}")
