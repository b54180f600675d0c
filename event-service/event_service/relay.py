"""``python -m event_service.relay``: takes this service's messages from the outbox to the queue."""

import asyncio

from event_service.models import OutboxMessage
from event_service.settings import Settings
from service_kit.relay import run_relay
from service_kit.settings import load_settings


def main() -> None:
    settings = load_settings(Settings)
    asyncio.run(
        run_relay(
            "event-relay",
            settings,
            OutboxMessage,
            reconcile_seconds=settings.reconcile_seconds,
        )
    )


if __name__ == "__main__":
    main()
