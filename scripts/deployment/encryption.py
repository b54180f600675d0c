"""Encrypted files with what every host has: AES-256 in counter mode by ``openssl enc``, which does not notice
changes, and so an HMAC-SHA256 over the encrypted bytes by Python, checked before anything is decrypted.
"""

import hashlib
import hmac
import shutil
from dataclasses import dataclass, field

from deployment.errors import CommandFailed
from deployment.postgres import Part

MIN_KEY_CHARACTERS = 32
_PASSPHRASE = "PARTERRE_BACKUP_PASSPHRASE"
# Key and counter come from a passphrase of 256 bits and a random salt: many rounds would add nothing.
_OPENSSL = ("openssl", "enc", "-aes-256-ctr", "-pbkdf2", "-iter", "10000", "-md", "sha256",
            "-pass", f"env:{_PASSPHRASE}")  # fmt: skip


@dataclass(frozen=True)
class Cipher:
    """Encrypts, and signs, with two keys that are derived from ``secrets/backup_key``."""

    key: str = field(repr=False)

    def encrypt(self) -> Part:
        """Reads plain bytes and writes encrypted ones. The environment is hidden from other users; the
        list of processes is not."""
        return Part([*_OPENSSL, "-salt"], self._environment())

    def decrypt(self) -> Part:
        return Part([*_OPENSSL, "-d"], self._environment())

    def mac(self, purpose: str) -> "hmac.HMAC":
        """For what is called ``purpose``: no signed file can take the place of another."""
        return hmac.new(self._derive("authentication"), purpose.encode() + b"\0", "sha256")

    def _environment(self) -> dict[str, str]:
        return {_PASSPHRASE: self._derive("encryption").hex()}

    def _derive(self, use: str) -> bytes:
        """HKDF's first step: the key has enough entropy of its own."""
        key = hashlib.sha256(self.key.encode()).digest()
        return hmac.new(key, f"parterre backup: {use}".encode(), "sha256").digest()


def cipher_of(key: str) -> Cipher | None:
    """None without a key. Raises CommandFailed for a short one, or without openssl."""
    if not key:
        return None
    if len(key) < MIN_KEY_CHARACTERS:
        raise CommandFailed(
            f"secrets/backup_key is shorter than {MIN_KEY_CHARACTERS} characters; make one with: "
            "openssl rand -base64 48"
        )
    if shutil.which("openssl") is None:
        raise CommandFailed("openssl is not installed; apt install openssl")
    return Cipher(key)
