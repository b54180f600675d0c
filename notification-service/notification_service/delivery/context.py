"""What a worker process needs to send mails: settings and connections.

Made on the process's event loop at its first task, and used until the process ends.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import httpx
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.contacts import AccountClient
from notification_service.delivery.smtp import MailServer
from notification_service.rendering.renderer import EmailRenderer
from notification_service.settings import WorkerSettings
from service_kit.database.engine import Database, sql_connection
from service_kit.database.sql_files import SqlConnection
from service_kit.messaging.service_client import ServiceClient

CONTACT_TIMEOUT_SECONDS = 5.0


class WorkerContext:
    def __init__(self, settings: WorkerSettings, *, renderer: EmailRenderer | None = None) -> None:
        self.settings = settings
        self.database = Database(settings, application_name="notification-worker")
        self.http = httpx.AsyncClient(timeout=CONTACT_TIMEOUT_SECONDS)
        self.contacts = AccountClient(ServiceClient(settings, self.http), settings.auth_service_url)
        self.renderer = renderer or EmailRenderer(
            settings.public_url, api_url=settings.notification_public_url
        )
        self.mail_server = MailServer(
            settings.smtp_url.get_secret_value(),
            sender=settings.sender.addr_spec,
            timeout_seconds=settings.smtp_timeout_seconds,
        )
        # Each statement of a delivery is its own transaction: BEGIN and COMMIT would add two round
        # trips to each.
        self._engine = self.database.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._idle_connection: AsyncConnection | None = None

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[AsyncConnection]:
        """A connection in AUTOCOMMIT mode. It stays open for the next statement unless the block
        raises."""
        connection, self._idle_connection = self._idle_connection, None
        if connection is None:
            connection = await self._engine.connect()
        try:
            yield connection
        except BaseException:
            # Its state is unknown, so the next statement gets a new one.
            await connection.invalidate()
            await connection.close()
            raise
        if self._idle_connection is None:
            self._idle_connection = connection
        else:
            await connection.close()

    @asynccontextmanager
    async def sql(self) -> AsyncIterator[SqlConnection]:
        """The same for statements in .sql files: asyncpg's connection."""
        async with self.statement() as connection:
            yield await sql_connection(connection)

    async def close(self) -> None:
        self.mail_server.close()
        await self.http.aclose()
        if self._idle_connection is not None:
            await self._idle_connection.close()
        await self.database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
