"""The checks of this service: keys, what erasures left, messages, and what only grows."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from cryptography.fernet import InvalidToken

from auth_service.keys.cipher import cipher_for
from auth_service.keys.ring import grace_period
from auth_service.keys.service import list_keys
from auth_service.keys.states import State, key_states
from auth_service.maintenance import KEEP_ENDED_SESSIONS, fill_ascii_addresses, purge
from auth_service.models import OutboxMessage
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.engine import Database
from service_kit.database.sql_files import load
from service_kit.doctor import Check, Find, Repair, repeated, rows_of
from service_kit.doctor.common import INDEXES, LATE, outbox_checks

statements = load("auth_service.doctor")

OVERDUE = timedelta(minutes=10)
# A service that is being deployed or repaired may be away for a while.
UNCONFIRMED_TOO_LONG = timedelta(hours=1)


def make_checks(settings: Settings) -> Sequence[Check]:
    return (
        *_key_checks(settings),
        *_account_checks(),
        *outbox_checks(OutboxMessage),
        *_growth_checks(settings),
        INDEXES,
    )


def _key_checks(settings: Settings) -> Sequence[Check]:
    return (
        Check(
            "signing keys that SECRET_KEY does not open",
            partial(_find_unreadable_keys, settings),
            "Give SECRET_KEY the value that it had when they were made, or make new ones, which ends "
            "every session's token: python -m auth_service.keys rotate --compromised",
        ),
        Check(
            "tokens cannot be signed",
            partial(_find_missing_signer, settings),
            "`python -m auth_service.migrate` makes a first key.",
        ),
    )


async def _find_unreadable_keys(settings: Settings, database: Database) -> list[str]:
    cipher = cipher_for(settings.secret_key)
    unreadable = []
    async with database.transaction() as session:
        for key in await list_keys(session):
            try:
                cipher.decrypt(key.private_key)
            except InvalidToken:
                unreadable.append(key.kid)
    return unreadable


async def _find_missing_signer(settings: Settings, database: Database) -> list[str]:
    async with database.transaction() as session:
        keys = await list_keys(session)
    if keys:
        states = key_states(keys, now=utc_now(), grace=grace_period(settings))
        if State.SIGNING in states.values():
            return []
    return ["no key signs"]


def _account_checks() -> Sequence[Check]:
    return (
        Check(
            "services that have not confirmed for an hour that an account is erased",
            rows_of(statements.find_unconfirmed_erasures, older_than=UNCONFIRMED_TOO_LONG),
            "Does auth-relay run, and do the services answer it? Its log says erasure.not_notified.",
        ),
        Check(
            "audit events of erased accounts that say where somebody was",
            rows_of(statements.find_traces_of_erased_accounts),
            "",
            repeated(statements.remove_traces_of_erased_accounts),
        ),
        Check(
            "accounts that are found by one spelling of their address only",
            rows_of(statements.find_accounts_without_ascii_address, older_than=OVERDUE),
            "What is left has the address of another account in another spelling.",
            fill_ascii_addresses,
        ),
        Check(
            "requested mails that are not written for 10 minutes",
            rows_of(statements.find_unprocessed_mail_requests, older_than=OVERDUE),
            "Does auth-relay run?",
        ),
    )


def _growth_checks(settings: Settings) -> Sequence[Check]:
    audit_days = timedelta(days=settings.audit_days)
    return (
        _purged("ended sessions", rows_of(
            statements.find_ended_sessions, older_than=KEEP_ENDED_SESSIONS + LATE
        ), settings),
        _purged("counts of attempts", rows_of(
            statements.find_old_attempts, older_than=LATE
        ), settings),
        _purged("audit events", rows_of(
            statements.find_old_audit_events, older_than=audit_days + LATE
        ), settings),
    )  # fmt: skip


def _purged(what: str, find: Find, settings: Settings) -> Check:
    repair: Repair = partial(purge, settings=settings)
    return Check(f"{what} that should have been deleted", find, "Does auth-relay run?", repair)
