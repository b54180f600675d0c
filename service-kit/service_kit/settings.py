"""Settings from the environment, alike in every service.

Every variable can also be given as a file: ``SECRET_KEY_FILE=/run/secrets/key`` sets ``SECRET_KEY``.
"""

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

MIN_SECRET_CHARACTERS = 32
PLACEHOLDERS = ("change-me", "changeme", "placeholder", "example", "secret-key", "development")
# Beside those: what stands in manuals, and in the development environment of Compose.
KNOWN_PASSWORDS = {"", "admin", "password", "postgres", "redis", "secret", *PLACEHOLDERS}
_PASSWORD_IN_URL = re.compile(r"://[^/@:]*:([^@]*)@")

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")

CommaSeparated = Annotated[tuple[str, ...], NoDecode]


def _name_an_origin(value: str) -> str:
    if value and not _ORIGIN.fullmatch(value.rstrip("/")):
        raise ValueError("must be an origin such as https://auth.example.com")
    return value.rstrip("/")


# Where browsers and mail programs reach a service; empty if that is ``public_url``, behind a gateway. It is
# inserted into headers and into the page.
PublicOrigin = Annotated[str, AfterValidator(_name_an_origin)]


def refuse_known_password(name: str, url: str) -> None:
    """An address may have no password at all, where the network is what protects; but not an empty one,
    which is a setting that was forgotten."""
    found = _PASSWORD_IN_URL.search(url)
    if found and found[1].lower() in KNOWN_PASSWORDS:
        raise ValueError(
            f"the password in {name.upper()} is empty or one that everybody knows; "
            "make one with: openssl rand -hex 24"
        )


class FileSource(PydanticBaseSettingsSource):
    """Reads ``NAME`` from the file that ``NAME_FILE`` points to, as container secrets are given."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{field_name.upper()}_FILE")
        value = Path(path).read_text(encoding="utf-8").strip() if path else None
        return value, field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found


# New name, old name: read for one release more.
RENAMED = {"max_concurrent_requests": "MAX_REQUESTS_INSIDE"}


class OldNameSource(PydanticBaseSettingsSource):
    """Settings under the names that they had in the release before, with a warning."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return os.environ.get(RENAMED.get(field_name, "")) or None, field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is None or os.environ.get(name.upper()):
                continue
            print(
                f"{RENAMED[name]} is now called {name.upper()}: rename it, the next release does not"
                " read it any more",
                file=sys.stderr,
            )
            values[key] = value
        return values


class ServiceSettings(BaseSettings):
    """What all three services are told. A service adds its own in a subclass."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    environment: Literal["development", "test", "production"] = "production"
    host: str = "127.0.0.1"
    port: int = 8000
    web_concurrency: int = Field(1, ge=1, le=64)
    reload: bool = False
    # For so long after SIGTERM readiness is red and requests are served: until gateways have seen it.
    drain_seconds: float = Field(0.0, ge=0, le=300)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    sentry_dsn: SecretStr | None = None
    sentry_traces_sample_rate: float = Field(0.0, ge=0, le=1)

    database_url: SecretStr
    database_pool_size: int = Field(10, ge=1)
    database_pool_timeout_seconds: float = 5.0
    lock_timeout_seconds: float = 2.0
    statement_timeout_seconds: float = 5.0

    cache_redis_url: SecretStr
    broker_url: SecretStr

    public_url: str = "http://localhost:8080"
    allowed_hosts: CommaSeparated = ("localhost", "127.0.0.1", "[::1]")
    trusted_proxies: CommaSeparated = ()
    cors_origins: CommaSeparated = ()
    # Of plans and of what services tell each other; other bodies are short: the longest text, in escapes.
    max_body_bytes: int = Field(1_048_576, ge=1)
    max_short_body_bytes: int = Field(262_144, ge=1)
    # Of one JSON body, lists and objects too: all of them are looked at while nobody else is served.
    max_body_values: int = Field(40_000, ge=1)
    max_short_body_values: int = Field(5_000, ge=1)
    # Of a form, percent-encoded, the longest address and password have half of that. Its parser, in
    # Python, takes 0.75 s for a megabyte of such characters, and nobody else is served meanwhile.
    max_form_bytes: int = Field(32_768, ge=1)
    # The longest list of filters, each character of it percent-encoded, is shorter.
    max_query_bytes: int = Field(8_192, ge=1)
    # Of one header: cookies and tokens are the longest.
    max_header_bytes: int = Field(8_192, ge=1)
    # A request's head has so many seconds and bytes; a reader that takes nothing for so long is gone.
    head_seconds: float = Field(15.0, gt=0)
    max_head_bytes: int = Field(65_536, ge=1)
    unread_seconds: float = Field(30.0, gt=0)
    # Of clients to one process, and never more than it may open files.
    max_connections: int = Field(10_000, ge=1)
    # A body must arrive within so many seconds. Of one process, all that are on their way together may
    # hold so many bytes, and be so many: beyond, the one that is longest on its way ends.
    request_body_seconds: float = Field(15.0, gt=0, le=300)
    max_arriving_bytes: int = Field(67_108_864, ge=1)
    max_arriving_requests: int = Field(2_000, ge=1)
    # Of one process; who comes beyond hears 503 at once.
    max_concurrent_requests: int = Field(500, ge=1)

    auth_service_url: str = "http://127.0.0.1:8001"
    event_service_url: str = "http://127.0.0.1:8002"
    notification_service_url: str = "http://127.0.0.1:8003"
    service_client_id: str = ""
    service_client_secret: SecretStr = SecretStr("")

    token_issuer: str = "parterre"
    token_leeway_seconds: int = 30
    # How long an access token lives. A token that was made to live longer is refused, so it has to be
    # the same for all services.
    access_token_seconds: int = Field(600, ge=1)

    reconcile_seconds: float = 15.0
    gauges_refresh_seconds: float = 5.0

    rate_limit_enabled: bool = True
    default_rate_limit: str = "300/minute"
    # For what only services ask of each other.
    service_rate_limit: str = "60000/minute"

    @field_validator("allowed_hosts", "trusted_proxies", "cors_origins", mode="before")
    @classmethod
    def split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator(
        "public_url", "auth_service_url", "event_service_url", "notification_service_url"
    )
    @classmethod
    def drop_the_last_slash(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @field_validator("sentry_dsn", mode="before")
    @classmethod
    def empty_means_off(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def refuse_weak_secrets(self) -> Self:
        """A secret that others can guess must not come as far as a listening port."""
        if self.environment == "development":
            return self
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if not isinstance(value, SecretStr) or name.endswith("_dsn"):
                continue
            text = value.get_secret_value()
            if name.endswith("_url"):
                refuse_known_password(name, text)
                continue
            if not text and not field.is_required():
                continue
            if len(text) < MIN_SECRET_CHARACTERS or text.lower().startswith(PLACEHOLDERS):
                raise ValueError(
                    f"{name.upper()} is a placeholder or shorter than {MIN_SECRET_CHARACTERS} "
                    "characters; make one with: openssl rand -base64 48"
                )
        return self

    @property
    def is_development(self) -> bool:
        return self.environment == "development"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, FileSource(settings_cls), env_settings, OldNameSource(settings_cls)


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def load_settings(settings_class: type[SettingsT]) -> SettingsT:
    """Reads the environment. A bad value ends the process with a line for each, never with a value."""
    try:
        return settings_class()
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = ".".join(str(part) for part in problem["loc"]).upper() or "settings"
            what = "is not set" if problem["type"] == "missing" else problem["msg"]
            print(f"{name}: {what}; see .env.example", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:
        print(f"A *_FILE setting cannot be read: {error.filename}", file=sys.stderr)
        raise SystemExit(2) from None
