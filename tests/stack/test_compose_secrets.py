"""Which container gets which secret: as a file, and only if it reads it."""

import copy
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from deployment.rotation import FOLLOWS
from deployment.secret_files import SECRETS
from service_kit.preflight.secrets import FOLDER, RULES
from service_kit.preflight.services import SERVICES

ROOT = Path(__file__).resolve().parents[2]
IS_SECRET = re.compile(r"\w+_(PASSWORD|SECRET|SECRET_KEY|DSN|AUTH)(_FILE)?|SECRET_KEY(_FILE)?")
# They read them and end; PostgreSQL keeps passwords in its data.
ONE_SHOT = {"preflight", "auth-migrate", "event-migrate", "notification-migrate", "postgres"}
# Among the settings of a module that they share, but not used: auth-migrate stores clients' secrets.
UNUSED = {
    "event_service_client_secret": {"auth", "auth-relay"},
    "notification_service_client_secret": {"auth", "auth-relay", "flower"},
    "notification_database_password": {"flower"},
    "smtp_password": {"flower", "notification-maintenance", "notification-beat"},
}
Services = dict[str, dict[str, Any]]
# They share the worker's environment, and their settings do not read it.
SEND_NO_MAIL = {"notification: SMTP_PASSWORD_FILE", "notification-migrate: SMTP_PASSWORD_FILE"}


def load(name: str) -> Services:
    # Without stubs in this repository.
    yaml: Any = import_module("yaml")
    services: Services = yaml.safe_load((ROOT / name).read_text())["services"]
    return services


@pytest.fixture
def services() -> Services:
    return load("docker-compose.yml")


def shown_to_inspect(services: Services) -> list[str]:
    """Secrets that are variables of a container, or whose file it does not get."""
    found = []
    for service, definition in services.items():
        mounted = definition.get("secrets", [])
        for name, value in definition.get("environment", {}).items():
            if not IS_SECRET.fullmatch(name):
                continue
            secret = str(value).removeprefix(f"{FOLDER}/")
            if not name.endswith("_FILE") or secret not in mounted or secret not in SECRETS:
                found.append(f"{service}: {name}")
    return found


def test_docker_inspect_shows_no_secret(services: Services) -> None:
    assert set(shown_to_inspect(services)) == SEND_NO_MAIL
    read = [v for v in services["auth"]["environment"] if IS_SECRET.fullmatch(v)]
    assert len(read) == 8, read


def test_a_secret_in_the_environment_would_be_found(services: Services) -> None:
    """The negative control."""
    spoiled = copy.deepcopy(services)
    spoiled["auth"]["environment"]["SECRET_KEY"] = "${SECRET_KEY:-}"
    spoiled["event"]["secrets"].remove("redis_password")
    assert {"auth: SECRET_KEY", "event: REDIS_PASSWORD_FILE"} <= set(shown_to_inspect(spoiled))


def test_development_has_no_secret_in_the_environment_either() -> None:
    for definition in load("docker-compose.override.yml").values():
        assert not [name for name in definition.get("environment", {}) if IS_SECRET.fullmatch(name)]


@pytest.mark.parametrize(
    "name", sorted(SECRETS.keys() - {"backup_key", "monitoring_database_password"})
)
def test_a_change_of_a_secret_restarts_each_service_that_reads_it(
    services: Services, name: str
) -> None:
    readers = {
        service
        for service, one in services.items()
        # With --profile monitoring: deploy/MONITORING.md says to restart them.
        if name in one.get("secrets", []) and "profiles" not in one
    }
    assert readers
    restarted = set(" ".join(FOLLOWS[name].commands).split())
    assert readers - ONE_SHOT - UNUSED.get(name, set()) - restarted == set()


def test_preflight_gets_every_secret_and_setting(services: Services) -> None:
    preflight = services["preflight"]
    assert set(preflight["secrets"]) == RULES.keys()
    names = {name for s in SERVICES for name in services[s.name]["environment"]}
    assert names - preflight["environment"].keys() == set()


def test_preflight_signs_in_as_the_services_do(services: Services) -> None:
    for service in SERVICES:
        environment = services[service.name]["environment"]
        assert service.variables().items() <= environment.items()
        assert environment["DATABASE_PASSWORD_FILE"] == f"{FOLDER}/{service.database_password}"
        if service.client_secret:
            file = environment["SERVICE_CLIENT_SECRET_FILE"]
            assert file == f"{FOLDER}/{service.client_secret}"


def test_all_but_preflight_wait_for_it(services: Services) -> None:
    waiting = {name for name, one in services.items() if "preflight" in one.get("depends_on", {})}
    assert services.keys() - waiting == {"preflight"}
