"""The limit of mails per address and hour, over all senders and workers.

Mails with an account's links have limits of their own, so that nobody can keep an owner from a reset by
having other mails sent. Addresses are stored as keyed hashes, for an hour.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from notification_service.delivery.claim import Claim
from notification_service.delivery.contacts import Contact
from notification_service.delivery.outcome import Waiting
from notification_service.delivery.sql import statements
from notification_service.kinds.registry import KINDS
from service_kit.database.sql_files import SqlConnection
from service_kit.domains import ascii_domain

WINDOW = timedelta(hours=1)
LONGEST_WAIT = timedelta(hours=6)
# These providers ignore dots in the part before the @.
WITHOUT_DOTS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}


class AllowanceRequest(NamedTuple):
    """A mail that is to go to an address."""

    claim: Claim
    contact: Contact
    address: str


class Allowances:
    """The allowances of one batch: taken before its mails are prepared, given back for those that
    were not sent."""

    def __init__(self, limit: int, secret: str) -> None:
        self._limit = limit
        self._secret = secret.encode()
        self._granted: dict[object, bytes] = {}
        self._refused: dict[object, timedelta] = {}
        self._unused: Counter[bytes] = Counter()

    def is_decided(self, claim: Claim) -> bool:
        return claim.id in self._granted or claim.id in self._refused

    async def take(self, connection: SqlConnection, requests: Iterable[AllowanceRequest]) -> None:
        """One statement for any number of mails. If not all are granted, the first ones are."""
        if not self._limit:
            return
        by_key: dict[bytes, list[Claim]] = {}
        for request in requests:
            by_key.setdefault(self._key(request), []).append(request.claim)
        if not by_key:
            return
        decisions = await statements.take_allowances.rows(
            connection,
            keys=list(by_key),
            wanted=[len(mails) for mails in by_key.values()],
            limit=self._limit,
            window=WINDOW,
        )
        for row in decisions:
            for index, claim in enumerate(by_key[row.key]):
                if index < row.granted:
                    self._granted[claim.id] = row.key
                else:
                    self._refused[claim.id] = row.free_after

    def refusal(self, claim: Claim) -> Waiting | None:
        """None if the mail is granted. The more often a mail is refused, the longer it waits."""
        free_after = self._refused.get(claim.id)
        if free_after is None:
            return None
        doubled = WINDOW * 2 ** min(max(claim.attempts - 2, 0), 10)
        pause = max(free_after, doubled if claim.attempts > 1 else timedelta(0))
        return Waiting("allowance", min(pause, LONGEST_WAIT) + timedelta(seconds=1))

    def mark_unused(self, claim: Claim) -> None:
        key = self._granted.pop(claim.id, None)
        if key is not None:
            self._unused[key] += 1

    async def give_back(self, connection: SqlConnection) -> None:
        unused, self._unused = self._unused, Counter()
        await statements.give_back_allowances.run(
            connection, keys=list(unused), unused=list(unused.values())
        )

    @property
    def has_unused(self) -> bool:
        return bool(self._unused)

    def _key(self, request: AllowanceRequest) -> bytes:
        claim, contact = request.claim, request.contact
        mailbox = canonical_address(request.address)
        if KINDS[claim.kind].link_page is None:
            bucket, subject = "mail", mailbox
        elif request.address != contact.email:
            bucket, subject = f"{claim.kind} pending", mailbox
        elif contact.is_verified:
            bucket, subject = claim.kind, str(claim.user_id)
        else:
            # Anybody may register variants of an address: they share the limit of its mailbox.
            bucket, subject = claim.kind, mailbox
        return hmac.digest(self._secret, f"{bucket}\n{subject}".encode(), hashlib.sha256)[:16]


def canonical_address(address: str) -> str:
    """One spelling for all addresses of one mailbox: lower case, without tag, the domain in ASCII."""
    # Not casefold(): it would turn faß.de into another domain.
    local, _, domain = address.lower().rpartition("@")
    try:
        domain = ascii_domain(domain)
    except UnicodeError:
        pass
    domain = domain.rstrip(".")
    local = local.partition("+")[0] or local
    if domain in WITHOUT_DOTS:
        domain, local = WITHOUT_DOTS[domain], local.replace(".", "")
    return f"{local}@{domain}"
