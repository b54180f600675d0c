"""``python -m auth_service.migrate``: brings the database to the newest schema."""

import asyncio
import sys

import auth_service
from auth_service.bootstrap import bootstrap
from auth_service.settings import Settings
from service_kit.migrations import migrate
from service_kit.settings import load_settings

if __name__ == "__main__":
    settings = load_settings(Settings)
    migrate(auth_service.__file__, settings, sys.argv[1:])
    if not sys.argv[1:]:
        asyncio.run(bootstrap(settings))
