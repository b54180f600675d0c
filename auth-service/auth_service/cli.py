"""Manages accounts and service clients from a shell; in a container: python -m auth_service.cli

promote EMAIL                    makes a superuser
superuser EMAIL                  the same, with a new account if there is none: a mail asks for its password
verify EMAIL...                  takes addresses as confirmed, without a mail
service-client NAME SCOPE...     makes a client, or gives one that exists a second secret
smoke-account [EMAIL]            prints a token of the smoke test's account, valid for ten minutes
"""

import argparse
import asyncio
import json
import sys

from auth_service.accounts.superusers import make_superuser
from auth_service.audit.service import Action, record
from auth_service.client_info import ClientInfo
from auth_service.clients.service import CLIENT_ID, SCOPES, add_secret
from auth_service.identity.queries import find_by_email
from auth_service.mails.messages import address_confirmed
from auth_service.settings import Settings
from auth_service.smoke_account import issue_smoke_token
from service_kit.clock import utc_now
from service_kit.database.cli import CommandFailed, run_command
from service_kit.database.engine import Database
from service_kit.settings import load_settings

ACTOR = "command:admin"


async def promote(database: Database, email: str) -> str:
    async with database.transaction() as session:
        user = await find_by_email(session, email.strip())
        if user is None:
            raise CommandFailed("nobody has registered with this address")
        if not user.is_superuser:
            user.is_superuser, user.updated_at = True, utc_now()
            details = {"is_superuser": True}
            record(
                session,
                Action.ROLE_CHANGED,
                user_id=user.id,
                client_info=ClientInfo(),
                actor=ACTOR,
                details=details,
            )
    return f"{user.email} is a superuser"


async def verify(database: Database, emails: list[str]) -> str:
    """All of them or none."""
    async with database.transaction() as session:
        for email in emails:
            user = await find_by_email(session, email.strip())
            if user is None:
                raise CommandFailed(f"nobody has registered with {email}")
            if not user.is_verified:
                user.is_verified, user.updated_at = True, utc_now()
                # What waited for it goes out.
                session.add(address_confirmed(user.id))
                record(
                    session,
                    Action.EMAIL_VERIFIED,
                    user_id=user.id,
                    client_info=ClientInfo(),
                    actor=ACTOR,
                )
    return f"confirmed: {', '.join(emails)}"


async def make_client(database: Database, name: str, scopes: list[str]) -> str:
    if not CLIENT_ID.fullmatch(name):
        raise CommandFailed("a client's name has 3 to 50 of a-z, 0-9 and -, and begins with a-z")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise CommandFailed(f"no such scope: {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    async with database.transaction() as session:
        secret = await add_secret(session, name, scopes)
    return json.dumps({"client_id": name, "client_secret": secret})


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="admin", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    promoting = commands.add_parser("promote")
    promoting.add_argument("email")
    first = commands.add_parser("superuser")
    first.add_argument("email")
    first.add_argument(
        "--password-stdin", action="store_true", help="its password, in place of the mail"
    )
    verifying = commands.add_parser("verify")
    verifying.add_argument("emails", nargs="+", metavar="email")
    client = commands.add_parser("service-client")
    client.add_argument("name")
    client.add_argument("scopes", nargs="+", metavar="scope")
    smoke = commands.add_parser("smoke-account")
    smoke.add_argument("email", nargs="?", help="where its mails go (default: SMOKE_EMAIL)")
    arguments = parser.parse_args()
    settings = load_settings(Settings)

    async def run(database: Database) -> str:
        if arguments.command == "promote":
            return await promote(database, arguments.email)
        if arguments.command == "superuser":
            password = sys.stdin.read().removesuffix("\n") if arguments.password_stdin else None
            return await make_superuser(database, settings, arguments.email, password, actor=ACTOR)
        if arguments.command == "verify":
            return await verify(database, arguments.emails)
        if arguments.command == "smoke-account":
            email = settings.smoke_email if arguments.email is None else arguments.email
            return await issue_smoke_token(database, settings, email, actor=ACTOR)
        return await make_client(database, arguments.name, arguments.scopes)

    asyncio.run(run_command("auth_service", "admin", settings, run))


if __name__ == "__main__":
    main()
