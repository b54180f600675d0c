"""The settings of all three services, checked by the classes with which they read them.

Each service has some variables that another has as well, with another value: its database, and what it
shows auth-service. Compose gives this process one value of each, so they are laid over it here.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from pydantic import SecretStr, ValidationError

from service_kit.settings import ServiceSettings, describe_problems


@dataclass(frozen=True)
class Service:
    """``database`` is also the role's name; ``client_secret`` is for auth-service."""

    name: str
    settings_class: str
    database: str
    client_secret: str = ""

    @property
    def database_password(self) -> str:
        return f"{self.name}_database_password"

    def load_class(self) -> type[ServiceSettings]:
        """Not imported above: the kit knows no service, and an image holds their settings only."""
        module, _, name = self.settings_class.partition(":")
        found: type[ServiceSettings] = getattr(import_module(module), name)
        return found

    def variables(self) -> dict[str, str]:
        """What this service has and another has with another value, but for secrets."""
        client = {"SERVICE_CLIENT_ID": f"{self.name}-service"} if self.client_secret else {}
        return {"DATABASE_NAME": self.database, "DATABASE_USER": self.database, **client}


SERVICES = (
    Service("auth", "auth_service.settings:Settings", "auth"),
    Service("event", "event_service.settings:Settings", "events", "event_service_client_secret"),
    Service(
        "notification",
        "notification_service.settings:WorkerSettings",
        "notifications",
        "notification_service_client_secret",
    ),
)


def load_all() -> tuple[dict[str, ServiceSettings], list[str]]:
    """The settings of each service that are right, and a line for each that is wrong. Secrets are
    replaced by good ones: they are examined by themselves, also where a setting is wrong."""
    loaded, problems = {}, []
    for service in SERVICES:
        settings_class = service.load_class()
        overlay = service.variables() | _good_secrets(settings_class)
        try:
            with environment(overlay, without=[f"{name}_FILE" for name in overlay]):
                loaded[service.name] = settings_class()
        except ValidationError as error:
            problems += [f"{line}; correct it in .env" for line in describe_problems(error)]
        except OSError as error:
            reason = f"{error.filename} ({error.strerror})"
            problems.append(f"A *_FILE setting of {service.name} cannot be read: {reason}")
    return loaded, list(dict.fromkeys(problems))


def _good_secrets(settings_class: type[ServiceSettings]) -> dict[str, str]:
    return {
        name.upper(): secrets.token_urlsafe(32)
        for name, field in settings_class.model_fields.items()
        if field.annotation is SecretStr and not name.endswith("_url")
    }


@contextmanager
def environment(values: Mapping[str, str], *, without: list[str]) -> Iterator[None]:
    """The process's environment with ``values``, until the block ends."""
    before = dict(os.environ)
    try:
        for name in without:
            os.environ.pop(name, None)
        os.environ.update(values)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
