"""``python -m event_service.migrate``: brings the database to the newest schema."""

import sys

import event_service
from event_service.settings import Settings
from service_kit.database.migrations import migrate
from service_kit.settings import load_settings

if __name__ == "__main__":
    migrate(event_service.__file__, load_settings(Settings), sys.argv[1:])
