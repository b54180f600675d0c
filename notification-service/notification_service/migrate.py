"""``python -m notification_service.migrate``: brings the database to the newest schema."""

import sys

import notification_service
from service_kit.database.migrations import migrate
from service_kit.settings import ServiceSettings, load_settings

if __name__ == "__main__":
    migrate(notification_service.__file__, load_settings(ServiceSettings), sys.argv[1:])
