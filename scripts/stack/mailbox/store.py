"""The mails, up to a number and a size; the oldest go first."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime

KEEP = 50_000
KEEP_BYTES = 512 << 20


# Compared and hashed by identity, so that what is worked out of a mail can be kept beside it.
@dataclass(frozen=True, eq=False)
class Mail:
    id: str
    received_at: datetime
    helo: str
    sender: str
    recipients: tuple[str, ...]
    data: bytes


class Store:
    """Shared by one thread for SMTP and one for each HTTP connection."""

    def __init__(self, hostname: str, *, keep: int = KEEP, keep_bytes: int = KEEP_BYTES) -> None:
        self.hostname = hostname
        self._keep = keep
        self._keep_bytes = keep_bytes
        self._mails: OrderedDict[str, Mail] = OrderedDict()
        self._lock = threading.RLock()
        self._bytes = 0
        # Another number after each change; it starts anew with each start of the program.
        self.revision = secrets.randbits(32)

    def __len__(self) -> int:
        return len(self._mails)

    def add(self, helo: str, sender: str, recipients: tuple[str, ...], data: bytes) -> Mail:
        identity = f"{secrets.token_urlsafe(32)}=@{self.hostname}"
        mail = Mail(identity, datetime.now(UTC), helo, sender, recipients, data)
        with self._lock:
            self._mails[identity] = mail
            self._bytes += len(data)
            self.revision += 1
            while len(self._mails) > self._keep or self._bytes > self._keep_bytes:
                self.drop(next(iter(self._mails)))
        return mail

    def get(self, identity: str) -> Mail | None:
        return self._mails.get(identity)

    def drop(self, identity: str) -> bool:
        with self._lock:
            mail = self._mails.pop(identity, None)
            if mail is not None:
                self._bytes -= len(mail.data)
                self.revision += 1
        return mail is not None

    def clear(self) -> None:
        with self._lock:
            self._mails.clear()
            self._bytes = 0
            self.revision += 1

    def newest_first(self) -> list[Mail]:
        with self._lock:
            return list(reversed(self._mails.values()))
