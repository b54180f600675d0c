"""``python -m event_service.migrate``: brings the database to the newest schema."""

from event_service.settings import Settings
from service_kit.database.migrations import main

if __name__ == "__main__":
    main("event_service", Settings)
