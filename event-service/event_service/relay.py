"""``python -m event_service.relay``: takes this service's messages from the outbox to the queue, and
does what the service does by itself."""

import asyncio
from datetime import timedelta

from event_service import upkeep
from event_service.cache import TAG_PREFIX, TagVersions
from event_service.models import ErasedUser, OutboxMessage
from event_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.messaging.relay import BackgroundWork, run_relay
from service_kit.redis_clients import AcceleratorRedis
from service_kit.settings import load_settings
from service_kit.web.erasures import purge_erasures

HOUR_SECONDS = 3600.0


def background(settings: Settings) -> dict[BackgroundWork, float]:
    """Each piece of work and its period in seconds."""
    redis = AcceleratorRedis(settings.cache_redis_url.get_secret_value())
    versions = TagVersions(redis, prefix=TAG_PREFIX)
    keep_for = timedelta(hours=settings.idempotency_hours)

    async def refresh_pages(database: Database) -> bool:
        more = await upkeep.fold_tallies(database)
        return await upkeep.bump_stale_tags(database, versions) or more

    async def sweep_holds(database: Database) -> bool:
        return await upkeep.sweep_holds(database, settings.offer_for)

    async def finish_erasures(database: Database) -> bool:
        return await upkeep.finish_erasures(database, settings.offer_for)

    async def forget_erasures(database: Database) -> None:
        # Not before all is ended, even if no relay ran for longer than the rows are kept.
        while await finish_erasures(database):
            pass
        await purge_erasures(database, ErasedUser, settings)

    async def forget_keys(database: Database) -> None:
        await upkeep.forget_idempotency_keys(database, keep_for)

    return {
        refresh_pages: settings.tally_seconds,
        sweep_holds: settings.sweep_seconds,
        upkeep.send_organizer_messages: settings.sweep_seconds,
        upkeep.remind_guests: settings.reminder_seconds,
        finish_erasures: settings.sweep_seconds,
        upkeep.end_waitlists: settings.reminder_seconds,
        forget_keys: HOUR_SECONDS,
        forget_erasures: HOUR_SECONDS,
    }


def main() -> None:
    settings = load_settings(Settings)
    asyncio.run(
        run_relay(
            "event-relay",
            settings,
            OutboxMessage,
            reconcile_seconds=settings.reconcile_seconds,
            background=background(settings),
        )
    )


if __name__ == "__main__":
    main()
