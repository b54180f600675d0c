"""What decides who owns an account, and the end of everything that was begun under older credentials.

Whoever once knew the password may have begun a change of address, or may still hold a link. So each
link is bound to the password and to ``credentials_version``, which grows with every change or reset of
the password, every new address, a sign-out everywhere and a deactivation; and each of these ends a
change of address that is still open.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from auth_service.accounts.hashing import fingerprint
from auth_service.models import User

VERSION_CLAIM, PASSWORD_CLAIM = "credentials_version", "password_fgpt"


def end_what_was_begun(user: User) -> None:
    """Call it with the account's row locked; its links, and its pending address, are void."""
    user.credentials_version += 1
    user.pending_email = None


def binding(user: User) -> dict[str, Any]:
    """Claims of a link's token."""
    return {
        VERSION_CLAIM: user.credentials_version,
        PASSWORD_CLAIM: fingerprint(user.hashed_password),
    }


def is_bound(claims: Mapping[str, Any], user: User) -> bool:
    """Whether a link's token was made under the credentials that the account has now."""
    return claims.get(VERSION_CLAIM) == user.credentials_version and hmac.compare_digest(
        str(claims.get(PASSWORD_CLAIM, "")).encode(errors="replace"),
        fingerprint(user.hashed_password).encode(),
    )
