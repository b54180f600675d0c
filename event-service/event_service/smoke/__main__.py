"""Books a seat as a guest does, and says in one line a step how that goes.

  python -m auth_service.cli smoke-account |
      python -m event_service.smoke --auth URL --event URL --notification URL --token-file - [--mail]

Each address is that of the running service, or of a candidate. Without --mail the seat is held and given up
again, so that no mail is sent; with it the booking is confirmed, its mail is waited for, and the booking is
cancelled. Exit code 0, or 1 with the reason in the last line.
"""

import argparse
import asyncio
import contextlib
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import jwt

from event_service.settings import Settings
from event_service.smoke import checks
from event_service.smoke.client import Service, SmokeFailed
from event_service.smoke.hidden_event import find_or_create
from service_kit.clock import utc_now
from service_kit.database.engine import Database
from service_kit.database.errors import DATABASE_ERRORS, means_unavailable, sqlstate
from service_kit.settings import load_settings

# A table or a column that does not exist.
OLD_SCHEMA = ("42P01", "42703")

ResultT = TypeVar("ResultT")


class Steps:
    """Prints a line for each step that has succeeded, with the seconds since the start."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._since

    async def run(self, name: str, step: Awaitable[ResultT]) -> ResultT:
        result = await step
        self.say(name)
        return result

    def say(self, line: str) -> None:
        print(f"[{self.seconds:5.1f}s] {line}", flush=True)


async def smoke(settings: Settings, options: argparse.Namespace, token: str) -> float:
    """Runs all steps; returns the seconds that they took. Raises SmokeFailed."""
    steps = Steps()
    hosts = settings.allowed_hosts
    database = Database(settings, application_name="event-smoke")
    try:
        async with (
            Service("auth", options.auth, token=token, allowed_hosts=hosts) as auth,
            Service("event", options.event, token=token, allowed_hosts=hosts) as event,
            Service(
                "notification", options.notification, token=token, allowed_hosts=hosts
            ) as notification,
        ):
            for service in (auth, event, notification):
                await steps.run(f"{service.name}: ready", service.wait_until_ready(asyncio.sleep))
            account = await steps.run(
                "auth: token, keys and sign-in", checks.check_auth(auth, token)
            )
            await steps.run("event: page and lists", checks.check_lists(event))
            await steps.run(
                "notification: own mails", notification.ask("GET", "/api/v1/notifications?limit=1")
            )
            hidden = await steps.run(
                "event: hidden event", find_or_create(event, database, account.id, utc_now())
            )
            await steps.run("event: hidden from lists", checks.check_hidden(event, hidden))
            is_mailed = options.mail and account.has_mailbox
            await _book(steps, event, notification, hidden["id"], is_mailed=is_mailed)
            if options.mail and not is_mailed:
                steps.say("mail: not asked for, since SMOKE_EMAIL is not set")
    finally:
        await database.close()
    return steps.seconds


async def _book(
    steps: Steps, event: Service, notification: Service, event_id: str, *, is_mailed: bool
) -> None:
    ended = await checks.cancel_leftovers(event, event_id)
    if ended:
        steps.say(f"event: {ended} bookings of an earlier run cancelled")
    name = "booked" if is_mailed else "held"
    booking_id = await steps.run(
        f"event: a seat {name} and read back", checks.book(event, event_id, hold=not is_mailed)
    )
    if is_mailed:
        try:
            await steps.run("mail: sent", checks.find_mail(notification, booking_id))
        except SmokeFailed:
            # What failed first is said; a booking that stays is cancelled by the next run.
            with contextlib.suppress(SmokeFailed):
                await checks.cancel(event, booking_id)
            raise
    await steps.run("event: the booking cancelled", checks.cancel(event, booking_id))


def read_token(file: str) -> str:
    """Raises SmokeFailed for what is no token, such as the message of a command that failed."""
    try:
        token = (sys.stdin.read() if file == "-" else Path(file).read_text()).strip()
        jwt.get_unverified_header(token)
    except OSError as error:
        raise SmokeFailed(f"{file} cannot be read: {error.strerror}") from None
    except (jwt.PyJWTError, ValueError):
        raise SmokeFailed(
            "there is no token; make one with: python -m auth_service.cli smoke-account"
        ) from None
    return token


def explain(error: Exception) -> str:
    """Raises an error that an operator can do nothing about."""
    if sqlstate(error) in OLD_SCHEMA:
        return "event: the database has an older schema; run: python -m event_service.migrate"
    if means_unavailable(error):
        return "event: PostgreSQL cannot be reached; check its address and that it runs"
    raise error


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="smoke", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("auth", "event", "notification"):
        parser.add_argument(f"--{name}", required=True, metavar="URL")
    parser.add_argument("--token-file", required=True, metavar="FILE", help="- is the input")
    parser.add_argument(
        "--mail", action="store_true", help="confirm the booking, and find its mail"
    )
    return parser.parse_args()


def main() -> None:
    options, settings = parse(), load_settings(Settings)
    try:
        seconds = asyncio.run(smoke(settings, options, read_token(options.token_file)))
    except SmokeFailed as error:
        reason = str(error)
    except DATABASE_ERRORS as error:
        reason = explain(error)
    else:
        print(f"smoke: passed in {seconds:.1f} s", flush=True)
        return
    print(f"smoke: failed: {reason}", flush=True)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
