"""The environment variables of each process of the stack; of the caller's, only those named here."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from stack.records import write_atomically
from stack.services import AUTH, EVENT, SERVICES, Service

# Settings that people may give ./scripts/up in the environment.
PASSED_ON = """
    ALLOWED_HOSTS AUTH_PUBLIC_URL BAD_PASSWORDS CONTACT_EMAIL CORS_ORIGINS DATABASE_POOL_SIZE
    FLOWER_BASIC_AUTH FLOWER_PUBLIC_URL FLOWER_USER INTERNATIONAL_ADDRESSES LOG_LEVEL MAIL_FROM
    NOTIFICATION_PUBLIC_URL OPERATOR PRIVACY_NOTE_EN PRIVACY_NOTE_RU PUBLIC_URL RATE_LIMIT_ENABLED
    SENTRY_DSN SENTRY_SAMPLE_RATE SENTRY_TRACES_SAMPLE_RATE SMOKE_EMAIL SMTP_HOST SMTP_PASSWORD
    SMTP_PORT SMTP_SECURITY SMTP_URL SMTP_USER TRUSTED_PROXIES WEB_CONCURRENCY WORKER_PROCESSES
""".split()
PASSED_ON_BEGINNINGS = ("GRAPHQL_", "MAX_")
PASSED_ON_ENDINGS = ("_DAYS", "_HOURS", "_MINUTES", "_PER_HOUR", "_RATE_LIMIT", "_SECONDS")

# What a process needs to run at all, and to find certificates.
SYSTEM = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "SYSTEMROOT")

SECRETS = """
    postgres auth-database event-database notification-database redis-broker redis-cache secret-key
    verification reset event-client notification-client flower
""".split()


def read_secrets(file: Path) -> dict[str, str]:
    """Passwords and keys by name, made once and kept where only their owner can read."""
    existing: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    missing = [name for name in SECRETS if name not in existing]
    if missing:
        existing |= {name: secrets.token_hex(24) for name in missing}
        write_atomically(file, json.dumps(existing))
    return existing


def passed_on(caller: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in caller.items()
        if name in PASSED_ON
        or name.startswith(PASSED_ON_BEGINNINGS)
        or name.endswith(PASSED_ON_ENDINGS)
    }


class Environments:
    """The environment of each service's processes, from ports, secrets and what the caller chose."""

    def __init__(
        self, ports: Mapping[str, int], keys: Mapping[str, str], chosen: Mapping[str, str]
    ) -> None:
        self._ports = ports
        self._keys = keys
        self._chosen = chosen

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    @property
    def broker_url(self) -> str:
        return self._redis_url("redis-broker")

    def _redis_url(self, name: str) -> str:
        return f"redis://:{self._keys[name]}@127.0.0.1:{self._ports[name]}/0"

    def database_url(self, service: Service, scheme: str = "postgresql") -> str:
        password, port = self._keys[f"{service.name}-database"], self._ports["postgres"]
        return f"{scheme}://{service.database}:{password}@127.0.0.1:{port}/{service.database}"

    def of(self, service: Service) -> dict[str, str]:
        environment = {**self._common(service), **self._own(service), **self._chosen}
        if self._chosen.get("SMTP_HOST") and not self._chosen.get("SMTP_URL"):
            environment.pop("SMTP_URL", None)
        return environment

    def _common(self, service: Service) -> dict[str, str]:
        page = f"http://localhost:{self._ports['event']}"
        return {
            **{name: os.environ[name] for name in SYSTEM if name in os.environ},
            "PYTHONUNBUFFERED": "1",
            "ENVIRONMENT": "development",
            "DATABASE_URL": self.database_url(service, "postgresql+asyncpg"),
            "BROKER_URL": self.broker_url,
            "CACHE_REDIS_URL": self._redis_url("redis-cache"),
            "HOST": "127.0.0.1",
            "PORT": str(self._ports[service.name]),
            **{f"{s.name.upper()}_SERVICE_URL": self.url(s.name) for s in SERVICES},
            "PUBLIC_URL": page,
            "CORS_ORIGINS": f"{page},http://127.0.0.1:{self._ports['event']}",
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
        # The page is on one port and what it asks on others: there is no gateway.
        notification_url = f"http://localhost:{self._ports['notification']}"
        credentials["NOTIFICATION_PUBLIC_URL"] = notification_url
        if service is EVENT:
            return credentials | {
                "AUTH_PUBLIC_URL": f"http://localhost:{self._ports['auth']}",
                "FLOWER_PUBLIC_URL": f"http://localhost:{self._ports['flower']}",
            }
        return credentials | {
            "SMTP_URL": f"smtp://127.0.0.1:{self._ports['smtp']}",
            "MAIL_FROM": "Parterre <tickets@parterre.example>",
            "FLOWER_BASIC_AUTH": f"ops:{keys['flower']}",
        }
