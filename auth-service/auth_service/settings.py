"""Settings of auth-service, from the environment."""

import os

from pydantic import Field, SecretStr

from service_kit.settings import ServiceSettings


class Settings(ServiceSettings):
    # Encrypts the signing keys at rest. The other two sign the links in mails.
    secret_key: SecretStr
    verification_token_secret: SecretStr
    reset_password_token_secret: SecretStr

    # Secrets of the services that come with Parterre; see migrate.py.
    event_service_client_secret: SecretStr = SecretStr("")
    notification_service_client_secret: SecretStr = SecretStr("")

    # A session ends after so many days without use, and after so many days in any case.
    session_idle_days: int = Field(14, ge=1)
    session_days: int = Field(90, ge=1)
    # How long a key is published before it signs: longer than verifiers cache keys.
    signing_key_lead_seconds: int = Field(360, ge=0)

    verification_link_hours: int = Field(24, ge=1)
    reset_link_minutes: int = Field(15, ge=1)
    # An account gets at most one verification mail and one reset mail in this time.
    mail_coalesce_seconds: int = Field(60, ge=0)

    # OWASP's first choice for Argon2id; about 20 ms of one core each time.
    password_hash_memory_kib: int = Field(19_456, ge=8)
    password_hash_passes: int = Field(2, ge=1)
    password_hash_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    # Requests that may wait for a hash; the next one is refused with 503.
    password_hash_queue: int = Field(128, ge=0)
    bad_passwords: int = Field(10, ge=1)
    bad_password_minutes: int = Field(15, ge=1)
    email_changes_per_hour: int = Field(5, ge=1)

    # Whether the mail server accepts non-ASCII letters before the @ (SMTPUTF8). If it does not, it would
    # refuse every mail to such an account.
    international_addresses: bool = False

    audit_days: int = Field(365, ge=1)

    # Gets the mails of the smoke test after a deployment; empty: it asks for none.
    smoke_email: str = ""

    # Per client address: generous, since a whole office may share one.
    login_rate_limit: str = "60/minute"
    register_rate_limit: str = "60/minute"
    refresh_rate_limit: str = "300/minute"
    mail_rate_limit: str = "30/minute"
    link_rate_limit: str = "60/minute"

    def secret_problems(self) -> list[str]:
        """Beside weak ones, equal ones: a token for one purpose must not be valid for another."""
        sentences = super().secret_problems()
        secrets = (
            self.secret_key,
            self.verification_token_secret,
            self.reset_password_token_secret,
        )
        if len({secret.get_secret_value() for secret in secrets}) < len(secrets):
            sentences.append(
                "SECRET_KEY, VERIFICATION_TOKEN_SECRET and RESET_PASSWORD_TOKEN_SECRET must differ"
            )
        return sentences
