"""``python -m notification_service.hold --taken-at MOMENT``, after a restore from a backup of that moment.

Mails that had not been sent then may have been sent since, and nothing in the backup says so. They become
failed mails with a reason: ``python -m notification_service.cli stuck`` shows them, ``retry`` sends them.
Standard input is what was on its way to this service, a message (JSON) a line; it becomes mails first.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from sqlalchemy import func, literal, update

from notification_service.messages.incoming import Incoming, UnreadableMessage, read_message
from notification_service.messages.service import record
from notification_service.models import notifications
from notification_service.settings import Settings
from notification_service.statuses import UNSENT, MailStatus
from notification_service.timeline import entry
from service_kit.database.cli import run_command
from service_kit.database.engine import Database, affected_rows
from service_kit.settings import load_settings

MESSAGES_PER_BATCH = 200
STATEMENT_SECONDS = 600.0

rows = notifications.c


async def hold_mails(database: Database, taken_at: datetime, lines: Iterable[str]) -> int:
    """How many mails are held. Safe to repeat; nothing that sends mails may run meanwhile."""
    iterator = iter(lines)
    while batch := list(_readable(islice(iterator, MESSAGES_PER_BATCH))):
        async with database.transaction() as session:
            await record(await session.connection(), batch)
    reason = (
        f"Held after a restore: it may have been sent after {taken_at:%Y-%m-%d %H:%M:%S %Z}, when "
        "the backup was taken."
    )
    async with database.transaction() as session:
        held = await session.execute(
            update(notifications)
            .where(rows.status.in_(UNSENT))
            .values(
                status=MailStatus.FAILED,
                last_error=reason,
                fence=rows.fence + 1,
                lease_until=None,
                waits_for=None,
                give_up_at=None,
                next_attempt_at=func.now(),
                timeline=rows.timeline.op("||")(
                    literal(entry(MailStatus.FAILED, reason), rows.timeline.type)
                ),
            )
        )
    return affected_rows(held)


def _readable(lines: Iterable[str]) -> Iterator[Incoming]:
    for line in lines:
        try:
            yield read_message(json.loads(line))
        except (UnreadableMessage, ValueError):
            # The relay will say the same of it when it arrives.
            print("hold: a message cannot be read", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(prog="notification_service.hold", description=__doc__)
    parser.add_argument("--taken-at", type=datetime.fromisoformat, required=True)
    taken_at = parser.parse_args().taken_at
    settings = load_settings(Settings)
    patient = settings.model_copy(update={"statement_timeout_seconds": STATEMENT_SECONDS})

    async def command(database: Database) -> str:
        return f"{await hold_mails(database, taken_at, sys.stdin)} mails are held"

    asyncio.run(run_command("notification_service", "hold", patient, command))


if __name__ == "__main__":
    main()
