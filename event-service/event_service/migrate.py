"""``python -m event_service.migrate``: brings the database to the newest schema."""

from event_service.settings import Settings
from service_kit.database.migrations import migrate

if __name__ == "__main__":
    migrate("event_service", Settings)
