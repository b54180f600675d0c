"""How many mails an address gets within an hour, whoever has them sent and whichever worker sends them.

Mails that an account cannot do without have allowances of their own, so that nobody keeps an owner from
a reset by having other mails sent. Addresses are kept as keyed hashes, for an hour.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

import idna
from sqlalchemy import Integer, Interval, LargeBinary, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from notification_service.delivery.contacts import Contact
from notification_service.delivery.outcomes import Waiting
from notification_service.delivery.queries import Claim
from service_kit.database.statements import Statement

WINDOW = timedelta(hours=1)
LONGEST_WAIT = timedelta(hours=6)
ACCOUNT_LINKS = ("verify-email", "reset-password")
# Mailboxes of these do not tell dots in the part before the @ apart.
WITHOUT_DOTS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}

# The rows in one order for all, so that no two workers wait for each other.
TAKE = Statement(
    text("""
        INSERT INTO mail_allowances AS kept (key, sent, granted, used_at)
        SELECT key, array_fill(now(), ARRAY[least(wanted, :limit)]), least(wanted, :limit), now()
        FROM unnest(:keys, :wanted) AS asked (key, wanted)
        ORDER BY key
        ON CONFLICT (key) DO UPDATE SET (sent, granted, used_at) = (
            SELECT recent || array_fill(now(), ARRAY[granted]), granted, now()
            FROM (
                SELECT recent,
                    greatest(0, least(cardinality(excluded.sent), :limit - cardinality(recent)))
                        AS granted
                FROM (
                    SELECT ARRAY(
                        SELECT at FROM unnest(kept.sent) AS at WHERE at > now() - :window
                    ) AS recent
                ) AS lately
            ) AS free
        )
        RETURNING key, granted, coalesce(sent[1] + :window - now(), interval '0') AS free_after
    """).bindparams(
        bindparam("keys", type_=ARRAY(LargeBinary()), required=False),
        bindparam("wanted", type_=ARRAY(Integer()), required=False),
        bindparam("limit", type_=Integer(), required=False),
        bindparam("window", type_=Interval(), required=False),
    )
)
GIVE_BACK = Statement(
    text("""
        UPDATE mail_allowances AS kept
        SET sent = kept.sent[1:cardinality(kept.sent) - unused]
        FROM (
            SELECT key, unused FROM unnest(:keys, :unused) AS given (key, unused)
            JOIN mail_allowances USING (key) ORDER BY key FOR UPDATE OF mail_allowances
        ) AS back
        WHERE kept.key = back.key
    """).bindparams(
        bindparam("keys", type_=ARRAY(LargeBinary()), required=False),
        bindparam("unused", type_=ARRAY(Integer()), required=False),
    )
)


class Wish(NamedTuple):
    """A mail that would go to an address."""

    held: Claim
    contact: Contact
    address: str


class Allowances:
    """Those of one batch: taken before the mails are written, given back for what was not sent."""

    def __init__(self, limit: int, secret: str) -> None:
        self._limit = limit
        self._secret = secret.encode()
        self._granted: dict[object, bytes] = {}
        self._refused: dict[object, timedelta] = {}
        self._unused: Counter[bytes] = Counter()

    def knows(self, held: Claim) -> bool:
        return held.id in self._granted or held.id in self._refused

    async def take(self, connection: AsyncConnection, wishes: Iterable[Wish]) -> None:
        """One statement for any number of mails; in their order, where not all are granted."""
        if not self._limit:
            return
        by_key: dict[bytes, list[Claim]] = {}
        for wish in wishes:
            by_key.setdefault(self._key(wish), []).append(wish.held)
        if not by_key:
            return
        found = await TAKE.rows(
            connection,
            keys=list(by_key),
            wanted=[len(mails) for mails in by_key.values()],
            limit=self._limit,
            window=WINDOW,
        )
        for row in found:
            for index, held in enumerate(by_key[row.key]):
                if index < row.granted:
                    self._granted[held.id] = row.key
                else:
                    self._refused[held.id] = row.free_after

    def refusal(self, held: Claim) -> Waiting | None:
        """What becomes of a mail that is not granted: the more often, the longer it waits."""
        free_after = self._refused.get(held.id)
        if free_after is None:
            return None
        doubled = WINDOW * 2 ** min(max(held.attempts - 2, 0), 10)
        pause = max(free_after, doubled if held.attempts > 1 else timedelta(0))
        return Waiting("allowance", min(pause, LONGEST_WAIT) + timedelta(seconds=1))

    def was_not_used(self, held: Claim) -> None:
        key = self._granted.pop(held.id, None)
        if key is not None:
            self._unused[key] += 1

    async def give_back(self, connection: AsyncConnection) -> None:
        unused, self._unused = self._unused, Counter()
        await GIVE_BACK.value(connection, keys=list(unused), unused=list(unused.values()))

    @property
    def has_unused(self) -> bool:
        return bool(self._unused)

    def _key(self, wish: Wish) -> bytes:
        held, contact = wish.held, wish.contact
        mailbox = canonical_address(wish.address)
        if held.kind not in ACCOUNT_LINKS:
            bucket, subject = "mail", mailbox
        elif wish.address != contact.email:
            bucket, subject = f"{held.kind} pending", mailbox
        elif contact.is_verified:
            bucket, subject = held.kind, str(held.user_id)
        else:
            # Anybody may register variants of an address; they share what its mailbox gets.
            bucket, subject = held.kind, mailbox
        return hmac.digest(self._secret, f"{bucket}\n{subject}".encode(), hashlib.sha256)[:16]


def canonical_address(address: str) -> str:
    """One spelling for what reaches one mailbox: without case, tag and other forms of the domain."""
    # Not casefold(): it would make another domain of faß.de.
    local, _, domain = address.lower().rpartition("@")
    try:
        domain = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        pass
    domain = domain.rstrip(".")
    local = local.partition("+")[0] or local
    if domain in WITHOUT_DOTS:
        domain, local = WITHOUT_DOTS[domain], local.replace(".", "")
    return f"{local}@{domain}"
