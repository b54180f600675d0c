"""Real signed tokens for people and services that there are not."""

import time
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service_kit.ids import new_id
from service_kit.web.tokens import ALGORITHM, SERVICE_AUDIENCE, USER_AUDIENCE

KEY_ID = "key-for-tests"
# Some are made when a module is read: longer than any run of all tests.
LIFE_SECONDS = 86_400
_KEY = Ed25519PrivateKey.generate()


def public_keys() -> dict[str, Any]:
    document = jwt.algorithms.OKPAlgorithm.to_jwk(_KEY.public_key(), as_dict=True)
    return {"keys": [{**document, "kid": KEY_ID, "alg": ALGORITHM, "use": "sig"}]}


def sign_in(user_id: UUID | None = None, *, is_superuser: bool = False) -> dict[str, str]:
    """The headers of a request by this person."""
    return _headers(
        {"aud": USER_AUDIENCE, "sub": str(user_id or uuid4()), "superuser": is_superuser}
    )


def as_service(*scopes: str) -> dict[str, str]:
    return _headers({"aud": SERVICE_AUDIENCE, "sub": "event-service", "scope": " ".join(scopes)})


def _headers(claims: dict[str, Any]) -> dict[str, str]:
    now = int(time.time())
    usual = {"iss": "parterre", "iat": now, "exp": now + LIFE_SECONDS, "jti": str(new_id())}
    token = jwt.encode(usual | claims, _KEY, algorithm=ALGORITHM, headers={"kid": KEY_ID})
    return {"Authorization": f"Bearer {token}"}


# Another service, which may have people told.
SENDER = as_service("notifications:send")
