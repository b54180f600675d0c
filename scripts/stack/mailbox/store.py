"""The mails, up to a number and a size; the oldest go first."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime

MAX_MAILS = 50_000
MAX_BYTES = 512 << 20


# Compared and hashed by identity, so that what is worked out of a mail can be cached for it.
@dataclass(frozen=True, eq=False)
class Mail:
    id: str
    received_at: datetime
    helo: str
    sender: str
    recipients: tuple[str, ...]
    data: bytes


@dataclass
class Store:
    """Used by the thread of SMTP and by those of HTTP requests."""

    hostname: str
    max_mails: int = field(default=MAX_MAILS, kw_only=True)
    max_bytes: int = field(default=MAX_BYTES, kw_only=True)
    # Another number after each change; it starts anew with each start of the program.
    revision: int = field(default_factory=lambda: secrets.randbits(32), init=False)

    def __post_init__(self) -> None:
        self._mails: OrderedDict[str, Mail] = OrderedDict()
        self._lock = threading.RLock()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._mails)

    def add(self, helo: str, sender: str, recipients: tuple[str, ...], data: bytes) -> Mail:
        id_ = f"{secrets.token_urlsafe(32)}=@{self.hostname}"
        mail = Mail(id_, datetime.now(UTC), helo, sender, recipients, data)
        with self._lock:
            self._mails[id_] = mail
            self._bytes += len(data)
            self.revision += 1
            while len(self._mails) > self.max_mails or self._bytes > self.max_bytes:
                self.drop(next(iter(self._mails)))
        return mail

    def get(self, id_: str) -> Mail | None:
        return self._mails.get(id_)

    def drop(self, id_: str) -> bool:
        """Whether there was such a mail."""
        with self._lock:
            mail = self._mails.pop(id_, None)
            if mail is not None:
                self._bytes -= len(mail.data)
                self.revision += 1
        return mail is not None

    def clear(self) -> None:
        for id_ in list(self._mails):
            self.drop(id_)

    def newest_first(self) -> list[Mail]:
        with self._lock:
            return list(reversed(self._mails.values()))
