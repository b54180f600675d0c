"""What notification-service is told by its environment."""

from collections.abc import Mapping
from datetime import timedelta
from email.headerregistry import Address
from email.utils import parseaddr
from functools import cached_property
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from service_kit.connection_urls import SMTP_SCHEMES, SmtpSecurity, smtp_url, with_urls
from service_kit.messaging.celery_app import TASK_HARD_LIMIT_SECONDS
from service_kit.settings import Port, PublicOrigin, ServiceSettings


class Settings(ServiceSettings):
    """For the API, which sends no mail and so knows no mail server."""

    # Where mail programs reach this service; empty for ``public_url``, behind a gateway.
    notification_public_url: PublicOrigin = ""

    resend_rate_limit: str = "5/hour"
    preview_rate_limit: str = "60/minute"
    retry_rate_limit: str = "120/minute"
    unsubscribe_rate_limit: str = "20/minute"


class WorkerSettings(Settings):
    # smtp://user:password@host:port, or smtps:// or smtp+starttls:// where the server has TLS. Given
    # whole, or built from the parts below it.
    smtp_url: SecretStr
    smtp_host: str = ""
    # None: the usual one for this security.
    smtp_port: Port | None = None
    smtp_security: SmtpSecurity = "starttls"
    # Empty: without sign-in.
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_timeout_seconds: float = Field(10.0, gt=0)
    mail_from: str

    worker_processes: int = Field(4, ge=1)
    # A worker that has not reported back for so long is taken for dead, and its mail is sent again.
    lease_seconds: float = Field(TASK_HARD_LIMIT_SECONDS + 10.0, gt=0)
    sweep_seconds: float = Field(1.0, gt=0)
    # How long a mail that the sweep put on the queue may wait there before it is put there again.
    requeue_seconds: float = Field(30.0, gt=0)

    # To one address, whoever has them sent; 0 is no limit. Verification and reset have their own.
    mails_per_address_per_hour: int = Field(30, ge=0, le=10_000)

    retry_first_seconds: float = Field(2.0, gt=0)
    # Between two attempts at one mail, and at any mail while the mail server or auth-service is away.
    retry_longest_seconds: float = Field(3600.0, gt=0)
    outage_retry_longest_seconds: float = Field(60.0, gt=0)
    give_up_after_hours: float = Field(24.0, gt=0)
    max_crashes: int = Field(5, ge=1)
    keep_days: int = Field(400, ge=1)

    @model_validator(mode="before")
    @classmethod
    def build_smtp_url_from_parts(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return with_urls(values, {"smtp_url": smtp_url(values)})

    @field_validator("smtp_url")
    @classmethod
    def refuse_other_schemes(cls, value: SecretStr) -> SecretStr:
        url = urlsplit(value.get_secret_value())
        if url.scheme not in SMTP_SCHEMES.values() or not url.hostname:
            raise ValueError(
                "must be like smtp://user:password@host:port, smtps:// or smtp+starttls://"
            )
        return value

    @field_validator("mail_from")
    @classmethod
    def refuse_no_address(cls, value: str) -> str:
        address = parseaddr(value)[1]
        if "@" not in address or not address.isascii() or not value.isprintable():
            raise ValueError(
                "must be like Parterre <tickets@example.com>, with an address in ASCII, and a name"
                ' with commas or quotes in quotes: "A, B" <tickets@example.com>'
            )
        return value

    @model_validator(mode="after")
    def lease_outlives_the_conversation(self) -> Self:
        if self.lease_seconds <= 2 * self.smtp_timeout_seconds:
            raise ValueError("LEASE_SECONDS must be more than twice SMTP_TIMEOUT_SECONDS")
        return self

    @cached_property
    def sender(self) -> Address:
        name, address = parseaddr(self.mail_from)
        return Address(display_name=name, addr_spec=address)

    @cached_property
    def sender_header(self) -> str:
        """The same as a mail's header says it; an Address takes long to say it."""
        return str(self.sender)

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)
