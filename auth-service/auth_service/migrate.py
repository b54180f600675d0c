"""``python -m auth_service.migrate``: brings the database to the newest schema, and makes the first
signing key and the clients of Parterre's services."""

import asyncio
import sys

from auth_service.bootstrap import bootstrap
from auth_service.keys.ring import UnreadableKeys
from auth_service.settings import Settings
from service_kit.database.migrations import migrate

UNREADABLE = (
    "migrate: SECRET_KEY is not the one that the signing keys were encrypted with; set that one, or "
    "make new keys, which ends every session's token: python -m auth_service.keys rotate --compromised"
)


def make_first_rows(settings: Settings) -> None:
    try:
        asyncio.run(bootstrap(settings))
    except UnreadableKeys:
        print(UNREADABLE, file=sys.stderr)
        raise SystemExit(1) from None


def main() -> None:
    migrate("auth_service", Settings, after_upgrade=make_first_rows)


if __name__ == "__main__":
    main()
