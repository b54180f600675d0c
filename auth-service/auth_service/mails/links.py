"""The tokens in the links of mails, in the format of fastapi-users.

A token is made when the mail is rendered, for the address that the mail goes to.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi_users.jwt import SecretType, generate_jwt
from fastapi_users.manager import RESET_PASSWORD_TOKEN_AUDIENCE, VERIFY_USER_TOKEN_AUDIENCE

from auth_service.identity.credentials import binding_claims
from auth_service.models import User
from auth_service.problems import AddressChanged, LinkNotNeeded


@dataclass(frozen=True, slots=True)
class Link:
    token: str
    expires_at: datetime


def address_to_verify(user: User, recipient: str | None) -> str:
    """The address that a token may verify. Raises LinkNotNeeded or AddressChanged.

    A mail must not contain a token for another address: its reader would verify an address that is not
    theirs. So the caller gives the recipient, unless there is only one address to verify.
    """
    unverified = [] if user.is_verified else [user.email]
    if user.pending_email:
        unverified.append(user.pending_email)
    if not unverified or (user.is_verified and recipient == user.email):
        raise LinkNotNeeded
    if recipient is None and len(unverified) == 1:
        return unverified[0]
    if recipient not in unverified:
        raise AddressChanged
    return recipient


def verification_link(
    user: User, address: str, *, secret: SecretType, lifetime: timedelta, now: datetime
) -> Link:
    """Void after a change of the credentials or of the address."""
    claims = {
        "sub": str(user.id),
        "email": address,
        "aud": VERIFY_USER_TOKEN_AUDIENCE,
        **binding_claims(user),
    }
    return _link(claims, secret, lifetime, now)


def reset_link(user: User, *, secret: SecretType, lifetime: timedelta, now: datetime) -> Link:
    """Void after a change of the credentials or of the address."""
    claims = {
        "sub": str(user.id),
        "email": user.email,
        "aud": RESET_PASSWORD_TOKEN_AUDIENCE,
        **binding_claims(user),
    }
    return _link(claims, secret, lifetime, now)


def _link(claims: dict[str, Any], secret: SecretType, lifetime: timedelta, now: datetime) -> Link:
    token = generate_jwt(claims, secret, int(lifetime.total_seconds()))
    return Link(token, now + lifetime)
