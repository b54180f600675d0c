"""Shows and replaces the keys that tokens are signed with: python -m auth_service.keys rotate|list

"rotate" makes a key that signs once every verifier has it; nobody is signed out. "rotate
--compromised" removes all other keys at once; clients have to refresh their tokens.
"""

import argparse
import asyncio
from datetime import timedelta

from auth_service.keys.cipher import cipher_for
from auth_service.keys.ring import grace_period
from auth_service.keys.service import list_keys, replace_all, rotate
from auth_service.keys.states import key_states
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.cli import run_command
from service_kit.database.engine import Database
from service_kit.settings import load_settings


async def make_key(database: Database, settings: Settings, *, compromised: bool) -> str:
    cipher = cipher_for(settings.secret_key)
    lead = timedelta(seconds=settings.signing_key_lead_seconds)
    async with database.transaction() as session:
        if compromised:
            key = await replace_all(session, cipher, now=utc_now())
        else:
            key = await rotate(session, cipher, now=utc_now(), lead=lead)
    return f"{key.kid} signs from {key.signs_from:%Y-%m-%dT%H:%M:%SZ}"


async def describe_keys(database: Database, settings: Settings) -> str:
    async with database.transaction() as session:
        keys = await list_keys(session)
    states = key_states(keys, now=utc_now(), grace=grace_period(settings))
    return "\n".join(
        f"{key.kid} {states[key.kid]:<9} signs from {key.signs_from:%Y-%m-%dT%H:%M:%SZ}"
        for key in keys
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="keys", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what each key does now")
    rotating = commands.add_parser("rotate", help="make a new key")
    rotating.add_argument("--compromised", action="store_true", help="refuse all older tokens")
    arguments = parser.parse_args()
    settings = load_settings(Settings)

    async def run(database: Database) -> str:
        if arguments.command == "list":
            return await describe_keys(database, settings)
        return await make_key(database, settings, compromised=arguments.compromised)

    asyncio.run(run_command("auth_service", "keys", settings, run))


if __name__ == "__main__":
    main()
