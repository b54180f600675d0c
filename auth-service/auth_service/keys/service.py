"""Creating, rotating and removing signing keys."""

import base64
import hashlib
import json
from datetime import datetime, timedelta

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from sqlalchemy import delete, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.models import SigningKey

# Advisory lock; any number, the same in every process: the first key must not be made twice.
KEYS_LOCK = 7_274_202_612


def public_jwk(public_key: str) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": public_key}


def thumbprint(public_key: str) -> str:
    """RFC 7638: SHA-256 over the required members in order, without spaces."""
    canonical = json.dumps(public_jwk(public_key), separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def new_key(cipher: Fernet, *, signs_from: datetime, now: datetime) -> SigningKey:
    private = Ed25519PrivateKey.generate()
    public = _base64url(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKey(
        kid=thumbprint(public),
        public_key=public,
        private_key=cipher.encrypt(pem),
        created_at=now,
        signs_from=signs_from,
    )


async def list_keys(session: AsyncSession) -> list[SigningKey]:
    found = await session.exec(select(SigningKey).order_by(col(SigningKey.signs_from)))
    return list(found.all())


async def ensure_first_key(session: AsyncSession, cipher: Fernet, *, now: datetime) -> None:
    await _lock(session)
    if not await list_keys(session):
        session.add(new_key(cipher, signs_from=now, now=now))


async def rotate(
    session: AsyncSession, cipher: Fernet, *, now: datetime, lead: timedelta
) -> SigningKey:
    """A new key that signs after ``lead``, when every verifier has fetched it."""
    await _lock(session)
    key = new_key(cipher, signs_from=now + lead, now=now)
    session.add(key)
    return key


async def replace_all(session: AsyncSession, cipher: Fernet, *, now: datetime) -> SigningKey:
    """After a key was compromised: removes all keys, so that every token so far is refused."""
    await _lock(session)
    await session.execute(delete(SigningKey))
    key = new_key(cipher, signs_from=now, now=now)
    session.add(key)
    return key


async def _lock(session: AsyncSession) -> None:
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": KEYS_LOCK})


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
