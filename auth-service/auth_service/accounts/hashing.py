"""Argon2 off the event loop, a few at a time, and no more waiting than can be served soon."""

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
    """Each hash takes memory and a core for its time, so that their number must have a bound."""

    def __init__(self, settings: Settings) -> None:
        argon2 = Argon2Hasher(
            time_cost=settings.password_hash_passes,
            memory_cost=settings.password_hash_memory_kib,
            parallelism=1,
        )
        self._passwords = PasswordHash((argon2,))
        # Threads of its own, no more than may hash: each keeps the memory of its last hash, and
        # asyncio's and anyio's threads come and go.
        self._threads = ThreadPoolExecutor(settings.password_hash_threads, "argon2")
        self._room = settings.password_hash_threads + settings.password_hash_queue
        # Stands in for accounts that do not exist, so that they take as long as others.
        self._nobody = self._passwords.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """Raises Unavailable when too many wait."""
        with self._place():
            return await self._in_thread(self._hash, password)

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Whether it matches, and a new hash if the parameters have changed since. Without a hash
        it takes as long and does not match."""
        with self._place():
            matches, newer = await self._in_thread(self._compare, password, hashed or self._nobody)
        return matches and hashed is not None, newer

    def close(self) -> None:
        self._threads.shutdown(wait=False)

    async def _in_thread(self, work: Callable[..., ResultT], *arguments: str) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def _hash(self, password: str) -> str:
        return self._passwords.hash(_normal(password))

    def _compare(self, password: str, hashed: str) -> tuple[bool, str | None]:
        try:
            return self._passwords.verify_and_update(_normal(password), hashed)
        except UnknownHashError:
            return False, None

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._room <= 0:
            raise Unavailable("Many people sign in at the moment; try again.")
        self._room -= 1
        try:
            yield
        finally:
            self._room += 1


def _normal(password: str) -> str:
    """One and the same on every keyboard: an accent can be typed in two ways."""
    return unicodedata.normalize("NFC", password)


class PreparedPasswords(PasswordHelperProtocol):
    """What fastapi-users asks in the middle of a transaction and of the event loop was computed
    before; for the fingerprint in its reset tokens, which is of a hash and not of a password, a
    plain comparison does."""

    def __init__(self) -> None:
        self._prepared: dict[str, str] = {}

    async def prepare(self, password: str, hasher: Hasher) -> None:
        self._prepared[password] = await hasher.hash(password)

    def hash(self, password: str) -> str:
        """Raises KeyError for a password that was not prepared."""
        return self._prepared[password]

    def verify_and_update(
        self, plain_password: str, hashed_password: str
    ) -> tuple[bool, str | None]:
        return secrets.compare_digest(fingerprint(plain_password), hashed_password), None

    def generate(self) -> str:
        return secrets.token_urlsafe()


def fingerprint(password_hash: str) -> str:
    """Says which password a reset token was made for, and nothing about it."""
    return hashlib.sha256(password_hash.encode()).hexdigest()
