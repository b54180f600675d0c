"""Settings from the environment, alike in every service.

Every variable can also be given as a file: ``SECRET_KEY_FILE=/run/secrets/key`` sets ``SECRET_KEY``.

``DATABASE_URL``, ``BROKER_URL`` and ``CACHE_REDIS_URL`` are built from ``DATABASE_HOST`` and the like
unless they are given whole.
"""

import re
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from service_kit.connection_urls import build_urls
from service_kit.secret_rules import (
    dsn_problem,
    foreign_password_problem,
    key_problem,
    password_problem,
    url_problem,
)
from service_kit.settings_sources import FileSource, OldNameSource

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")

CommaSeparated = Annotated[tuple[str, ...], NoDecode]
Port = Annotated[int, Field(ge=1, le=65_535)]

# What may be given in place of a URL, for the line that says that it is missing.
URL_PARTS = {
    "DATABASE_URL": "all of DATABASE_HOST, DATABASE_NAME and DATABASE_USER",
    "BROKER_URL": "BROKER_HOST",
    "CACHE_REDIS_URL": "CACHE_HOST",
    "SMTP_URL": "SMTP_HOST",
}
# Chosen by somebody else, so that their length is not ours to judge.
FOREIGN_PASSWORDS = {"smtp_password"}


def _name_an_origin(value: str) -> str:
    if value and not _ORIGIN.fullmatch(value.rstrip("/")):
        raise ValueError("must be an origin such as https://auth.example.com")
    return value.rstrip("/")


# Where browsers and mail programs reach a service; empty if that is ``public_url``, behind a gateway. It is
# inserted into headers and into the page.
PublicOrigin = Annotated[str, AfterValidator(_name_an_origin)]


class ServiceSettings(BaseSettings):
    """What all three services are told. A service adds its own in a subclass."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    environment: Literal["development", "test", "production"] = "production"
    host: str = "127.0.0.1"
    port: int = 8000
    # Where relays, workers and beat show their metrics; 0: nowhere. APIs show theirs at their own port.
    metrics_port: int = Field(0, ge=0, le=65_535)
    web_concurrency: int = Field(1, ge=1, le=64)
    reload: bool = False
    # For so long after SIGTERM readiness is red and requests are served: until gateways have seen it.
    drain_seconds: float = Field(0.0, ge=0, le=300)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    sentry_dsn: SecretStr | None = None
    # Share of the errors, and of the requests and tasks, that Sentry is told of.
    sentry_sample_rate: float = Field(1.0, ge=0, le=1)
    sentry_traces_sample_rate: float = Field(0.0, ge=0, le=1)

    # Given whole, or built from the parts below it.
    database_url: SecretStr
    database_host: str = ""
    database_port: Port = 5432
    database_name: str = ""
    database_user: str = ""
    database_password: SecretStr = SecretStr("")
    database_pool_size: int = Field(10, ge=1)
    database_pool_timeout_seconds: float = 5.0
    lock_timeout_seconds: float = 2.0
    statement_timeout_seconds: float = 5.0

    cache_redis_url: SecretStr
    cache_host: str = ""
    cache_port: Port = 6379
    broker_url: SecretStr
    broker_host: str = ""
    broker_port: Port = 6379
    # Of both.
    redis_password: SecretStr = SecretStr("")

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
    # Of everything that a service knows of a person.
    data_download_rate_limit: str = "20/hour"

    @model_validator(mode="before")
    @classmethod
    def build_urls_from_parts(cls, values: Any) -> Any:
        return build_urls(values) if isinstance(values, Mapping) else values

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

    @field_validator("sentry_dsn")
    @classmethod
    def refuse_what_is_no_dsn(cls, value: SecretStr | None) -> SecretStr | None:
        if value and (problem := dsn_problem(value.get_secret_value())):
            raise ValueError(problem)
        return value

    @model_validator(mode="after")
    def refuse_weak_secrets(self) -> Self:
        """A secret that others can guess must not come as far as a listening port."""
        if problems := self.secret_problems():
            raise ValueError("\n".join(problems))
        return self

    def secret_problems(self) -> list[str]:
        """A sentence for each secret that is too weak; in development none is."""
        sentences: list[str] = []
        if self.is_development:
            return sentences
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if not isinstance(value, SecretStr) or name.endswith("_dsn"):
                continue
            problem = _problem_of(name, value.get_secret_value(), is_required=field.is_required())
            if problem:
                sentences.append(f"{problem}; make one with: ./scripts/secrets")
        return sentences

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
        for line in describe_problems(error):
            print(f"{line}; see .env.example", file=sys.stderr)
        raise SystemExit(2) from None
    except OSError as error:
        print(
            f"A *_FILE setting cannot be read: {error.filename} ({error.strerror})", file=sys.stderr
        )
        raise SystemExit(2) from None


def describe_problems(error: ValidationError) -> list[str]:
    """A line for each problem: the setting's name and what is wrong, never its value."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in problem["loc"]).upper()
        sentences = problem["msg"].removeprefix("Value error, ").splitlines()
        if problem["type"] == "missing":
            parts = URL_PARTS.get(name)
            sentences = [f"is not set, nor {parts}" if parts else "is not set"]
        lines += [f"{name}: {sentence}" if name else sentence for sentence in sentences]
    return lines


def _problem_of(name: str, text: str, *, is_required: bool) -> str | None:
    """A URL is judged by its password, a part of one by itself; both may be absent."""
    if name.endswith("_url"):
        problem = url_problem(text)
        return f"{name.upper()}: the password in it {problem}" if problem else None
    if not text and not is_required:
        return None
    if name in FOREIGN_PASSWORDS:
        problem = foreign_password_problem(text)
    elif name.endswith("_password"):
        problem = password_problem(text)
    else:
        problem = key_problem(text)
    return f"{name.upper()} {problem}" if problem else None
