"""A relay that commits the messages of a batch a little before it notes that they are written."""

import asyncio
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from event_service import relay
from event_service.events import organizer_messages
from event_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.messaging.notifications import write_notifications
from service_kit.settings import load_settings

APART_SECONDS = 0.1


async def run(settings: Settings) -> None:
    database = Database(settings, application_name="mutant")

    async def write_apart(session: AsyncSession, *arguments: Any, **options: Any) -> int:
        async with database.transaction() as own:
            written = await write_notifications(own, *arguments, **options)
        await asyncio.sleep(APART_SECONDS)
        return written

    vars(organizer_messages)["write_notifications"] = write_apart
    await relay.run(settings)


if __name__ == "__main__":
    asyncio.run(run(load_settings(Settings)))
