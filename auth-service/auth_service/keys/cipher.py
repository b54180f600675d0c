"""Encrypts private keys at rest: Fernet with a key derived from SECRET_KEY."""

import base64

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr


def cipher_for(secret: SecretStr) -> Fernet:
    """HKDF and no slow function: the settings require a secret that nobody can guess."""
    derived = HKDF(SHA256(), length=32, salt=None, info=b"parterre signing keys").derive(
        secret.get_secret_value().encode()
    )
    return Fernet(base64.urlsafe_b64encode(derived))
