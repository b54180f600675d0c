"""What a worker process needs to send mails; made on the process's event loop, used until its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import httpx
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.contacts import Contacts
from notification_service.delivery.smtp import MailServer
from notification_service.rendering.letter import LetterWriter
from notification_service.settings import WorkerSettings
from service_kit.database.engine import Database
from service_kit.messaging.service_client import ServiceClient

CONTACT_TIMEOUT_SECONDS = 5.0


class PostOffice:
    def __init__(self, settings: WorkerSettings, *, writer: LetterWriter | None = None) -> None:
        self.settings = settings
        self.database = Database(settings, application_name="notification-worker")
        self.http = httpx.AsyncClient(timeout=CONTACT_TIMEOUT_SECONDS)
        self.contacts = Contacts(ServiceClient(settings, self.http), settings.auth_service_url)
        self.writer = writer or LetterWriter(settings.public_url)
        self.mail_server = MailServer(
            settings.smtp_url.get_secret_value(),
            sender=settings.sender.addr_spec,
            timeout_seconds=settings.smtp_timeout_seconds,
        )
        # Each statement of a delivery is a transaction of its own: BEGIN and COMMIT would be two
        # round trips more for each.
        self._engine = self.database.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._kept: AsyncConnection | None = None

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement commits by itself; kept for the next one, unless
        something goes wrong."""
        connection, self._kept = self._kept, None
        if connection is None:
            connection = await self._engine.connect()
        try:
            yield connection
        except BaseException:
            # Whatever it was: what comes next has a connection that nothing has happened to.
            await connection.invalidate()
            await connection.close()
            raise
        if self._kept is None:
            self._kept = connection
        else:
            await connection.close()

    async def close(self) -> None:
        self.mail_server.close()
        await self.http.aclose()
        if self._kept is not None:
            await self._kept.close()
        await self.database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
