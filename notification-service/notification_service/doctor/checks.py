"""The checks of this service: mails that nobody sends, what erasures left, and what only grows."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from notification_service.delivery.retention import KEEP_ALLOWANCES, KEEP_SEEN_MESSAGES
from notification_service.messages.service import erase_user
from notification_service.models import DUE_AT, ErasedUser
from notification_service.settings import Settings
from service_kit.database.engine import Database
from service_kit.database.sql_files import load
from service_kit.doctor import Check, repeated, rows_of
from service_kit.doctor.common import INDEXES, LATE
from service_kit.web.erasures import kept_for, purge_erasures

statements = load(
    "notification_service.doctor",
    DUE_AT=DUE_AT,
    KEEP_SEEN=f"interval '{KEEP_SEEN_MESSAGES.days} days'",
)

OVERDUE = timedelta(minutes=10)

_find_erased_users = rows_of(statements.find_erased_users, older_than=OVERDUE)


async def _erase_again(database: Database) -> None:
    for user_id in await _find_erased_users(database):
        await erase_user(database, UUID(user_id))


def make_checks(settings: Settings) -> Sequence[Check]:
    async def forget_erasures(database: Database) -> None:
        await purge_erasures(database, ErasedUser, settings)

    return (
        Check(
            "mails whose worker has not reported back for 10 minutes",
            rows_of(statements.find_unreported_mails, older_than=OVERDUE),
            "Does notification-maintenance run? It puts them on the queue again.",
        ),
        Check(
            "mails that are due for 10 minutes and not sent",
            rows_of(statements.find_overdue_mails, older_than=OVERDUE),
            "Do notification-maintenance and a worker run, and does the mail server answer? "
            "`python -m notification_service.cli stuck` shows the last errors.",
        ),
        Check(
            "mails whose next attempt is more than two days away",
            rows_of(statements.find_mails_never_due),
            "Is the host's clock right?",
            repeated(statements.make_mails_due),
        ),
        Check(
            "erased accounts of which mails are left",
            _find_erased_users,
            "",
            _erase_again,
        ),
        *_growth_checks(),
        Check(
            "ids of erased accounts that should have been deleted",
            rows_of(statements.find_old_erasures, older_than=kept_for(settings) + LATE),
            "Do beat and a worker run?",
            forget_erasures,
        ),
        INDEXES,
    )


def _growth_checks() -> Sequence[Check]:
    return (
        Check(
            "ids of messages that should have been deleted",
            rows_of(statements.find_old_seen_messages, older_than=KEEP_SEEN_MESSAGES + LATE),
            "Do beat and a worker run?",
            repeated(statements.delete_old_seen_messages),
        ),
        Check(
            "counts of mails to an address that should have been deleted",
            rows_of(statements.find_old_allowances, older_than=KEEP_ALLOWANCES + LATE),
            "Do beat and a worker run?",
            repeated(statements.delete_old_allowances),
        ),
    )
