"""Argon2 in threads of its own, with a bounded queue."""

import asyncio
import hashlib
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from fastapi_users.password import PasswordHelperProtocol
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from auth_service.settings import Settings
from service_kit.problems import Unavailable

ResultT = TypeVar("ResultT")


class Hasher:
    """Hashes and verifies passwords. Each hash takes 19 MiB and a core, so their number is bounded."""

    def __init__(self, settings: Settings) -> None:
        argon2 = Argon2Hasher(
            time_cost=settings.password_hash_passes,
            memory_cost=settings.password_hash_memory_kib,
            parallelism=1,
        )
        self._passwords = PasswordHash((argon2,))
        # Not asyncio's default threads: each thread keeps the memory of its last hash.
        self._threads = ThreadPoolExecutor(settings.password_hash_threads, "argon2")
        self._free_slots = settings.password_hash_threads + settings.password_hash_queue
        # Compared with when there is no account, so that the response takes as long as with one.
        self._dummy_hash = self._passwords.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Raises Unavailable when the queue is full."""
        with self._slot():
            return await self._in_thread(self._hash, password)

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Whether it matches, and a new hash if the parameters have changed since. With ``hashed=None``
        it takes as long and does not match. Raises Unavailable when the queue is full."""
        with self._slot():
            matches, newer = await self._in_thread(
                self._compare, password, hashed or self._dummy_hash
            )
        return matches and hashed is not None, newer

    def close(self) -> None:
        self._threads.shutdown(wait=False)

    async def _in_thread(self, work: Callable[..., ResultT], *arguments: str) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def _hash(self, password: str) -> str:
        return self._passwords.hash(_normalize(password))

    def _compare(self, password: str, hashed: str) -> tuple[bool, str | None]:
        try:
            return self._passwords.verify_and_update(_normalize(password), hashed)
        except UnknownHashError:
            return False, None

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if self._free_slots <= 0:
            raise Unavailable("Too many people are signing in at the moment; try again.")
        self._free_slots -= 1
        try:
            yield
        finally:
            self._free_slots += 1


def _normalize(password: str) -> str:
    """NFC: keyboards compose accents in different ways."""
    return unicodedata.normalize("NFC", password)


class PrecomputedHashes(PasswordHelperProtocol):
    """Gives fastapi-users hashes that were computed before: it asks for them in the event loop, inside a
    transaction. ``verify_and_update`` compares the fingerprint in its reset tokens, which is of a hash
    and not of a password, so a plain comparison is enough."""

    def __init__(self) -> None:
        self._prepared: dict[str, str] = {}

    async def prepare(self, password: str, hasher: Hasher) -> None:
        self._prepared[password] = await hasher.hash(password)

    def hash(self, password: str) -> str:
        """Raises KeyError for a password that was not given to ``prepare``."""
        return self._prepared[password]

    def verify_and_update(
        self, plain_password: str, hashed_password: str
    ) -> tuple[bool, str | None]:
        return secrets.compare_digest(fingerprint(plain_password), hashed_password), None

    def generate(self) -> str:
        return secrets.token_urlsafe()


def fingerprint(password_hash: str) -> str:
    """SHA-256 of a password hash: identifies the password that a reset token was made for."""
    return hashlib.sha256(password_hash.encode()).hexdigest()
