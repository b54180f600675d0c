"""``python -m auth_service.migrate``: brings the database to the newest schema."""

import asyncio
import sys

import auth_service
from auth_service.bootstrap import bootstrap
from auth_service.keys.ring import UnreadableKeys
from auth_service.settings import Settings
from service_kit.database.migrations import migrate
from service_kit.settings import load_settings

UNREADABLE = (
    "migrate: SECRET_KEY is not the one that the signing keys were encrypted with; set that one, or "
    "make new keys, which ends every session's token: python -m auth_service.keys rotate --compromised"
)


def main() -> None:
    settings = load_settings(Settings)
    migrate(auth_service.__file__, settings, sys.argv[1:])
    if sys.argv[1:]:
        return
    try:
        asyncio.run(bootstrap(settings))
    except UnreadableKeys:
        print(UNREADABLE, file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
