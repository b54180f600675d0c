"""An event-service that is broken in a way that a deployment must notice: ``python -m
tests.system.broken_candidates HOW``.

``crash`` ends at start, ``never-ready`` serves and says that its database is missing, ``booking-500`` is
healthy and cannot book.
"""

import sys

import uvicorn

from event_service.bookings.create import BookingDesk
from event_service.main import create_app
from event_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.settings import load_settings


async def fail(*_: object, **__: object) -> None:
    raise RuntimeError("broken on purpose")


async def be_away(*_: object) -> None:
    raise OSError("broken on purpose")


def main() -> None:
    how, settings = sys.argv[1], load_settings(Settings)
    if how == "crash":
        raise SystemExit("broken on purpose")
    if how == "never-ready":
        Database.ping = be_away  # type: ignore[assignment, method-assign]
    if how == "booking-500":
        BookingDesk.book = fail  # type: ignore[assignment, method-assign]
    uvicorn.run(create_app(settings), host="127.0.0.1", port=settings.port, log_config=None)


if __name__ == "__main__":
    main()
