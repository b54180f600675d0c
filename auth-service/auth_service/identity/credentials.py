"""The version of an account's credentials, to which the links in mails are bound.

Somebody who once knew the password may have requested a change of address, or may still hold a link. So
each link is bound to the password and to ``credentials_version``. Every change or reset of the password,
every new address, a sign-out everywhere and a deactivation increment it and drop the pending address.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from auth_service.identity.hashing import fingerprint
from auth_service.models import User

# In the place of a hash: no password matches it, and no link lets anybody choose one.
NO_PASSWORD = "!"

VERSION_CLAIM, PASSWORD_CLAIM = "credentials_version", "password_fgpt"


def void_links_and_pending_email(user: User) -> None:
    """Makes all links of an account and its pending address void. The caller has locked the row."""
    user.credentials_version += 1
    user.pending_email = None


def can_have_password(user: User) -> bool:
    return user.hashed_password != NO_PASSWORD


def binding_claims(user: User) -> dict[str, Any]:
    """Claims that bind a link's token to the present credentials."""
    return {
        VERSION_CLAIM: user.credentials_version,
        PASSWORD_CLAIM: fingerprint(user.hashed_password),
    }


def is_bound(claims: Mapping[str, Any], user: User) -> bool:
    """Whether a link's token was made with the credentials that the account has now."""
    return claims.get(VERSION_CLAIM) == user.credentials_version and hmac.compare_digest(
        str(claims.get(PASSWORD_CLAIM, "")).encode(errors="replace"),
        fingerprint(user.hashed_password).encode(),
    )
