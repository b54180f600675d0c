"""``python -m notification_service.migrate``: brings the database to the newest schema."""

from notification_service.settings import Settings
from service_kit.database.migrations import main

if __name__ == "__main__":
    main("notification_service", Settings)
