"""What each process of the stack is told: a whole environment, and nothing of the caller's by chance."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from stack.records import write_atomically
from stack.services import AUTH, EVENT, NOTIFICATION, Service

# Settings that people may give ./scripts/up in the environment.
PASSED_ON = (
    "ALLOWED_HOSTS", "AUTH_PUBLIC_URL", "CORS_ORIGINS", "DATABASE_POOL_SIZE", "FLOWER_BASIC_AUTH",
    "INTERNATIONAL_ADDRESSES", "LOG_LEVEL", "MAIL_FROM", "NOTIFICATION_PUBLIC_URL", "PUBLIC_URL",
    "RATE_LIMIT_ENABLED", "SENTRY_DSN", "SENTRY_TRACES_SAMPLE_RATE", "SMTP_URL", "TRUSTED_PROXIES",
    "WEB_CONCURRENCY",
)  # fmt: skip
PASSED_ON_BEGINNINGS = ("GRAPHQL_", "MAX_")
PASSED_ON_ENDINGS = ("_RATE_LIMIT", "_SECONDS")

# What a process needs to run at all, and to find certificates.
SYSTEM = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "SYSTEMROOT")

SECRETS = (
    "postgres", "auth-database", "event-database", "notification-database", "redis-broker",
    "redis-cache", "secret-key", "verification", "reset", "event-client", "notification-client",
    "flower",
)  # fmt: skip


class Secrets:
    """Passwords and keys, made once and kept where only their owner can read."""

    def __init__(self, file: Path) -> None:
        self._known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        missing = [name for name in SECRETS if name not in self._known]
        if missing:
            self._known |= {name: secrets.token_hex(24) for name in missing}
            write_atomically(file, json.dumps(self._known))

    def __getitem__(self, name: str) -> str:
        return self._known[name]


def passed_on(caller: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in caller.items()
        if name in PASSED_ON
        or name.startswith(PASSED_ON_BEGINNINGS)
        or name.endswith(PASSED_ON_ENDINGS)
    }


class Environments:
    """The environment of each kind of process, from ports, secrets and what the caller chose."""

    def __init__(self, ports: Mapping[str, int], keys: Secrets, chosen: Mapping[str, str]) -> None:
        self._ports = ports
        self._keys = keys
        self._chosen = chosen

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    @property
    def broker_url(self) -> str:
        password, port = self._keys["redis-broker"], self._ports["redis-broker"]
        return f"redis://:{password}@127.0.0.1:{port}/0"

    @property
    def cache_url(self) -> str:
        password, port = self._keys["redis-cache"], self._ports["redis-cache"]
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def of(self, service: Service) -> dict[str, str]:
        return {**self._common(service), **self._own(service), **self._chosen}

    def _common(self, service: Service) -> dict[str, str]:
        keys, ports = self._keys, self._ports
        password = keys[f"{service.name}-database"]
        page = f"http://localhost:{ports['event']}"
        return {
            **{name: os.environ[name] for name in SYSTEM if name in os.environ},
            "PYTHONUNBUFFERED": "1",
            "ENVIRONMENT": "development",
            "DATABASE_URL": (
                f"postgresql+asyncpg://{service.database}:{password}"
                f"@127.0.0.1:{ports['postgres']}/{service.database}"
            ),
            "BROKER_URL": self.broker_url,
            "CACHE_REDIS_URL": self.cache_url,
            "HOST": "127.0.0.1",
            "PORT": str(ports[service.name]),
            "AUTH_SERVICE_URL": self.url("auth"),
            "EVENT_SERVICE_URL": self.url("event"),
            "NOTIFICATION_SERVICE_URL": self.url("notification"),
            "PUBLIC_URL": page,
            "CORS_ORIGINS": f"{page},http://127.0.0.1:{ports['event']}",
        }

    def _own(self, service: Service) -> dict[str, str]:
        keys = self._keys
        if service is AUTH:
            return {
                "SECRET_KEY": keys["secret-key"],
                "VERIFICATION_TOKEN_SECRET": keys["verification"],
                "RESET_PASSWORD_TOKEN_SECRET": keys["reset"],
                "EVENT_SERVICE_CLIENT_SECRET": keys["event-client"],
                "NOTIFICATION_SERVICE_CLIENT_SECRET": keys["notification-client"],
            }
        credentials = {
            "SERVICE_CLIENT_ID": f"{service.name}-service",
            "SERVICE_CLIENT_SECRET": keys[f"{service.name}-client"],
        }
        if service is EVENT:
            # The page is on one port and what it asks on others: there is no gateway.
            return credentials | {
                "AUTH_PUBLIC_URL": f"http://localhost:{self._ports['auth']}",
                "NOTIFICATION_PUBLIC_URL": f"http://localhost:{self._ports['notification']}",
            }
        assert service is NOTIFICATION
        return credentials | {
            "SMTP_URL": f"smtp://127.0.0.1:{self._ports['smtp']}",
            "MAIL_FROM": "Parterre <tickets@parterre.example>",
            "FLOWER_BASIC_AUTH": f"ops:{keys['flower']}",
        }
