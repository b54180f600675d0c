"""The settings of .env.example, in docker-compose.yml and in the services."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from auth_service.settings import Settings as AuthSettings
from event_service.settings import Settings as EventSettings
from notification_service.flower_settings import configure_flower
from notification_service.settings import WorkerSettings
from service_kit.settings import ServiceSettings
from stack.environment import Environments, passed_on, read_secrets
from stack.programs import services

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: dict[str, type[ServiceSettings]] = {
    "auth": AuthSettings,
    "event": EventSettings,
    "notification": WorkerSettings,
}
# Not a setting of a service, but of what stands around it: these are put in where they belong.
PUT_IN = {
    "POSTGRES_PASSWORD", "AUTH_DATABASE_PASSWORD", "EVENT_DATABASE_PASSWORD", "PUBLIC_HOST",
    "NOTIFICATION_DATABASE_PASSWORD", "REDIS_PASSWORD", "FLOWER_BASIC_AUTH", "GATEWAY_ADDRESS",
    "GATEWAY_PORT",
}  # fmt: skip
IS_LIMIT = re.compile(r"\w+_RATE_LIMIT|MAX_\w+|GRAPHQL_MAX_\w+|BAD_PASSWORD\w*|\w+_PER_HOUR")


def example() -> dict[str, str]:
    """Names and values, with those that are commented out; without what is for ./scripts/up only."""
    text = (ROOT / ".env.example").read_text().split("# --- ./scripts/up only")[0]
    return dict(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=(.*)$", text, re.M))


def environment_of(service: str, compose: str) -> set[str]:
    """Names in the block that a service's containers get, and in the one that all get."""
    names: set[str] = set()
    for block in ("environment", f"{service}-environment"):
        found = re.search(rf"^x-{block}:.*\n((?:  .*\n)+)", compose, re.M)
        assert found, block
        names |= set(re.findall(r"^  ([A-Z][A-Z_]+):", found[1], re.M))
    return names


def unreachable(service: str, compose: str) -> set[str]:
    read = {name.upper() for name in SETTINGS[service].model_fields} - PUT_IN
    return (example().keys() & read) - environment_of(service, compose)


@pytest.fixture(scope="module")
def compose() -> str:
    return (ROOT / "docker-compose.yml").read_text()


@pytest.mark.parametrize("service", SETTINGS)
def test_each_setting_reaches_the_containers_of_who_reads_it(compose: str, service: str) -> None:
    assert unreachable(service, compose) == set()


def test_one_that_is_not_passed_on_would_be_found(compose: str) -> None:
    """The negative control."""
    without = compose.replace("  BOOKING_RATE_LIMIT:\n", "").replace("  WEB_CONCURRENCY:\n", "")
    assert unreachable("event", without) == {"BOOKING_RATE_LIMIT", "WEB_CONCURRENCY"}
    assert unreachable("auth", without) == {"WEB_CONCURRENCY"}


def test_each_setting_of_the_example_reaches_a_stack_that_up_starts() -> None:
    made_by_up = {name for name in example() if name.endswith(("_KEY", "_SECRET"))}
    chosen = example().keys() - PUT_IN - made_by_up
    assert chosen - passed_on(dict.fromkeys(chosen, "1")).keys() == set()


def test_what_nobody_reads_is_put_in_somewhere(compose: str) -> None:
    read = {name.upper() for settings in SETTINGS.values() for name in settings.model_fields}
    assert example().keys() - (read - PUT_IN) == PUT_IN
    assert [name for name in PUT_IN if f"${{{name}:-" not in compose] == []


@pytest.mark.parametrize("service", SETTINGS)
def test_each_limit_is_in_the_example(service: str) -> None:
    limits = {name.upper() for name in SETTINGS[service].model_fields}
    assert {name for name in limits if IS_LIMIT.fullmatch(name)} - example().keys() == set()


@pytest.mark.parametrize("service", SETTINGS)
def test_what_is_commented_out_is_the_default(service: str) -> None:
    text = (ROOT / ".env.example").read_text().split("# --- ./scripts/up only")[0]
    for name, field in SETTINGS[service].model_fields.items():
        shown = re.search(rf"^# {name.upper()}=(.+)$", text, re.M)
        if shown:
            kind: Any = field.annotation
            assert TypeAdapter(kind).validate_python(shown[1]) == field.default, name


FILES = ("docker-compose.yml", "docker-compose.override.yml")
PORT = re.compile(r"""["']([^"'\s]*:\d+(?:/\w+)?)["']""")


def published(text: str) -> list[str]:
    """Every mapping of a port, from lists in one line or in several."""
    lines = text.splitlines()
    found: list[str] = []
    for number, line in enumerate(lines):
        if line.strip().startswith("ports:"):
            block = [line, *itertools.takewhile(is_item, lines[number + 1 :])]
            mappings = PORT.findall(" ".join(block))
            assert mappings, f"no port is understood in: {line}"
            found += mappings
    return found


def is_item(line: str) -> bool:
    return line.strip().startswith("-")


def open_to_others(text: str) -> list[str]:
    own = ("127.0.0.1:", "${GATEWAY_ADDRESS:-127.0.0.1}:")
    return [port for port in published(text) if not port.startswith(own)]


@pytest.mark.parametrize("file", FILES)
def test_every_port_is_this_machines_only_unless_somebody_says_otherwise(file: str) -> None:
    text = (ROOT / file).read_text()
    assert published(text)
    assert open_to_others(text) == []


def test_a_port_that_is_open_to_others_would_be_found() -> None:
    """The negative control."""
    text = """
    ports: ["8080:80", "127.0.0.1:1:1"]
    ports:
      - "0.0.0.0:5:5"
      - "${PORT:-1025}:1025"
    """
    assert open_to_others(text) == ["8080:80", "0.0.0.0:5:5", "${PORT:-1025}:1025"]


def known_secrets() -> dict[str, dict[str, str]]:
    """What stands in the development environment, by service: everybody can read it."""
    text = (ROOT / "docker-compose.override.yml").read_text()
    return {
        service: dict(
            re.findall(r"^  ([A-Z_]+(?:SECRET|KEY|URL)): (\S+)$", block_of(service, text), re.M)
        )
        for service in SETTINGS
    }


def block_of(service: str, text: str) -> str:
    blocks = [
        re.search(rf"^x-{name}:.*\n((?:  .*\n)+)", text, re.M)
        for name in ("development", f"{service}-environment")
    ]
    return "".join(block[1] for block in blocks if block)


@pytest.mark.parametrize("service", SETTINGS)
def test_secrets_of_development_are_refused_elsewhere(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = known_secrets()[service]
    assert {"DATABASE_URL", "BROKER_URL", "CACHE_REDIS_URL"} < known.keys()
    assert any("SECRET" in name for name in known)
    good = {
        name: (
            re.sub(r":[^:@/]*@", ":a-password-of-ones-own@", value)
            if name.endswith("URL")
            else f"{name}-of-ones-own-and-long-enough"
        )
        for name, value in known.items()
    } | {"MAIL_FROM": "tickets@tickets.test", "ENVIRONMENT": "production"}
    for name, value in good.items():
        monkeypatch.setenv(name, value)
    SETTINGS[service]()

    for name, value in known.items():
        if name == "SMTP_URL":
            continue
        variants = [value]
        if name.endswith("URL"):
            variants.append(value.replace(":development@", ":@"))
        for variant in variants:
            monkeypatch.setenv(name, variant)
            with pytest.raises(ValidationError, match=name):
                SETTINGS[service]()
        monkeypatch.setenv(name, good[name])


def test_flower_is_started_in_both_ways_through_the_module_that_sets_it_up(
    compose: str, tmp_path: Path
) -> None:
    """``configure_flower`` reads the arguments; an option in them would stand before what it sets."""
    found = re.search(r"^  flower:\n(?:    .*\n)*?    command: (\[.*\])$", compose, re.M)
    assert found
    names = ("auth", "event", "notification", "flower", "smtp", "postgres")
    ports = dict.fromkeys((*names, "redis-broker", "redis-cache"), 1)
    environments = Environments(ports, read_secrets(tmp_path / "secrets.json"), {})
    [started] = [p for p in services(environments, ports, tmp_path) if p.name == "flower"]
    for command in (json.loads(found[1]), started.command):
        at = command.index("celery")
        assert command[at + 1 : at + 4] == ["-A", "notification_service.tasks", "flower"]
        environment = {"FLOWER_BASIC_AUTH": "ops:of-ones-own"}
        configure_flower(command, environment)
        assert "args" in environment["FLOWER_TASKS_COLUMNS"].split(",")
        assert not [one for one in command if re.match("--(tasks|natural|format)", one)]
