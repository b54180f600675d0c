"""The tokens in the links of mails, as fastapi-users signs and accepts them.

They are minted when a mail is rendered, for the very address that it goes to.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi_users.jwt import SecretType, generate_jwt
from fastapi_users.manager import RESET_PASSWORD_TOKEN_AUDIENCE, VERIFY_USER_TOKEN_AUDIENCE

from auth_service.accounts.credentials import binding
from auth_service.errors import AddressChanged, LinkNotNeeded
from auth_service.models import User


@dataclass(frozen=True, slots=True)
class Link:
    token: str
    expires_at: datetime


def address_to_verify(user: User, going_to: str | None) -> str:
    """The address that a token may prove. Raises LinkNotNeeded or AddressChanged.

    A token for one address must never be in a mail to another: who reads one of two would prove
    that they own the other. So the caller says where the mail goes, unless only one can be meant.
    """
    open_addresses = [] if user.is_verified else [user.email]
    if user.pending_email:
        open_addresses.append(user.pending_email)
    if not open_addresses or (user.is_verified and going_to == user.email):
        raise LinkNotNeeded
    if going_to is None and len(open_addresses) == 1:
        return open_addresses[0]
    if going_to not in open_addresses:
        raise AddressChanged
    return going_to


def verification_link(
    user: User, address: str, *, secret: SecretType, lifetime: timedelta, now: datetime
) -> Link:
    """Ends with the credentials that it was made under, and with the address."""
    claims = {
        "sub": str(user.id),
        "email": address,
        "aud": VERIFY_USER_TOKEN_AUDIENCE,
        **binding(user),
    }
    return _link(claims, secret, lifetime, now)


def reset_link(user: User, *, secret: SecretType, lifetime: timedelta, now: datetime) -> Link:
    """Ends with the credentials and with the address that it was made for."""
    claims = {
        "sub": str(user.id),
        "email": user.email,
        "aud": RESET_PASSWORD_TOKEN_AUDIENCE,
        **binding(user),
    }
    return _link(claims, secret, lifetime, now)


def _link(claims: dict[str, Any], secret: SecretType, lifetime: timedelta, now: datetime) -> Link:
    token = generate_jwt(claims, secret, int(lifetime.total_seconds()))
    return Link(token, now + lifetime)
