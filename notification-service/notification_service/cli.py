"""Shows which mails are stuck and why, and retries them; in a container: python -m notification_service.cli

stuck             shows them; the exit status is 1 while a mail is stuck, so that a watchdog may call it
retry [ID...]     shows them, and queues all of them again, or only these
"""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Row, and_, func, or_, select, text

from notification_service.messages.service import queue_again
from notification_service.models import OVERDUE, notifications
from notification_service.settings import Settings
from notification_service.statuses import UNSENT, MailStatus
from service_kit.database.engine import Database
from service_kit.settings import load_settings

# A first attempt takes less than this.
STUCK_AFTER = timedelta(seconds=60)
MAX_LISTED = 200

rows = notifications.c

Stuck = Row[tuple[UUID, str, str, int, float, str | None, UUID | None]]


IS_STUCK = or_(
    text("status = 'failed'"),
    text(f"{OVERDUE} AND wanted_at < now() - interval '{STUCK_AFTER.total_seconds()} seconds'"),
)


async def find_stuck(database: Database) -> Sequence[Stuck]:
    """Failed mails, and mails that have waited for a minute; the longest wait first."""
    age = func.extract("epoch", func.now() - rows.wanted_at).label("age")
    async with database.transaction() as session:
        stuck = await session.execute(
            select(
                rows.id, rows.kind, rows.status, rows.attempts, age, rows.last_error, rows.user_id
            )
            .where(IS_STUCK)
            .order_by(rows.wanted_at)
            .limit(MAX_LISTED)
        )
        return stuck.all()


async def retry(database: Database, ids: list[UUID]) -> int:
    """The number of mails queued again. Finished mails, and mails that a worker is sending, are left
    alone."""
    is_unfinished = rows.status.in_((*UNSENT, MailStatus.FAILED))
    is_claimed = and_(rows.status == MailStatus.SENDING, rows.lease_until > func.now())
    condition = and_(rows.id.in_(ids) if ids else IS_STUCK, is_unfinished, ~is_claimed)
    async with database.transaction() as session:
        return await queue_again(session, condition, note="Set going again by the operators.")


def describe(stuck: Sequence[Stuck]) -> str:
    if not stuck:
        return "Nothing is stuck."
    lines = [f"{'id':36}  {'kind':18}  {'status':7}  tries  waits for  why"]
    for row in stuck:
        why = row.last_error or "Nobody has tried it yet: do worker and maintenance run?"
        if row.user_id is None:
            why += " Its sender must send it anew."
        age = str(timedelta(seconds=int(row.age)))
        lines.append(
            f"{row.id!s:36}  {row.kind:18}  {row.status:7}  {row.attempts:5}  {age:>9}  {why}"
        )
    return "\n".join(lines)


async def examine(settings: Settings, *, is_retry: bool, ids: list[UUID]) -> int:
    database = Database(settings, application_name="notification-cli")
    try:
        stuck = await find_stuck(database)
        print(describe(stuck))
        if is_retry:
            print(f"Set going again: {await retry(database, ids)}.")
        return 1 if stuck and not is_retry else 0
    finally:
        await database.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="cli", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("stuck")
    retrying = commands.add_parser("retry")
    retrying.add_argument("ids", nargs="*", type=UUID, metavar="id")
    arguments = parser.parse_args()
    is_retry = arguments.command == "retry"
    ids = arguments.ids if is_retry else []
    return asyncio.run(examine(load_settings(Settings), is_retry=is_retry, ids=ids))


if __name__ == "__main__":
    raise SystemExit(main())
