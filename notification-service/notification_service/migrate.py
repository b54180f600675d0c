"""``python -m notification_service.migrate``: brings the database to the newest schema."""

from notification_service.settings import Settings
from service_kit.database.migrations import migrate

if __name__ == "__main__":
    migrate("notification_service", Settings)
