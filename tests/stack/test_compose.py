"""The settings of .env.example, in docker-compose.yml and in the services."""

import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from auth_service.settings import Settings as AuthSettings
from deployment.first_start import base_images
from deployment.services import MONITORING
from event_service.settings import Settings as EventSettings
from notification_service.flower import COMMAND
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
    "PUBLIC_HOST", "GATEWAY_ADDRESS", "GATEWAY_PORT", "GATEWAY_TLS_PORT", "TLS", "TLS_FOLDER",
    "OUTER_PROXIES", "SEALED", "PREFLIGHT_MAIL", "FLOWER_USER", "POSTGRES_SHARED_BUFFERS",
    "POSTGRES_EFFECTIVE_CACHE_SIZE", "POSTGRES_WORK_MEM", "POSTGRES_MAINTENANCE_WORK_MEM",
    "POSTGRES_MAX_WAL_SIZE", "POSTGRES_MEMORY", "POSTGRES_CPUS", "API_MEMORY", "API_CPUS",
    "WORKER_MEMORY", "ALERT_EMAIL", "BROKER_MAX_MEMORY", "BROKER_MEMORY",
}  # fmt: skip
# Read by the commands on the host, which are no containers.
OF_COMMANDS = {"BACKUP_DAYS"}
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
    chosen = example().keys() - PUT_IN - OF_COMMANDS - made_by_up
    assert chosen - passed_on(dict.fromkeys(chosen, "1")).keys() == set()


def test_what_nobody_reads_is_put_in_somewhere(compose: str) -> None:
    read = {name.upper() for settings in SETTINGS.values() for name in settings.model_fields}
    assert example().keys() - (read - PUT_IN) == PUT_IN | OF_COMMANDS
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


# The address that a password is built into may be named instead.
NAMED = {
    "DATABASE_PASSWORD": "DATABASE_(URL|PASSWORD)",
    "REDIS_PASSWORD": "BROKER_URL|REDIS_PASSWORD",
}


def secrets_of(service: str, compose: str) -> dict[str, str]:
    """What a service reads from files, in the development environment: everybody can read it."""
    blocks = [
        re.search(rf"^x-{name}:.*\n((?:  .*\n)+)", compose, re.M)
        for name in ("environment", f"{service}-environment")
    ]
    files = re.findall(
        r"^  ([A-Z_]+)_FILE: /run/secrets/(\w+)$", "".join(b[1] for b in blocks if b), re.M
    )
    folder = ROOT / "deploy/development/secrets"
    known = {name: (folder / file).read_text().removesuffix("\n") for name, file in files}
    # Without sign-in at the mail server, and without Sentry.
    return {name: value for name, value in known.items() if value}


@pytest.mark.parametrize("service", SETTINGS)
def test_secrets_of_development_are_refused_elsewhere(
    service: str, compose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = secrets_of(service, compose)
    assert {"DATABASE_PASSWORD", "REDIS_PASSWORD"} < known.keys()
    assert any("SECRET" in name for name in known)
    others = {
        "DATABASE_HOST": "postgres", "DATABASE_NAME": "a", "DATABASE_USER": "a",
        "BROKER_HOST": "redis-broker", "CACHE_HOST": "redis-cache", "SMTP_HOST": "mail.test",
        "MAIL_FROM": "tickets@tickets.test", "ENVIRONMENT": "production",
    }  # fmt: skip
    good = {name: f"{name}-of-ones-own-and-long-enough" for name in known}
    for name, value in (others | good).items():
        monkeypatch.setenv(name, value)
    SETTINGS[service]()

    for name, value in known.items():
        variants = [value, ""] if name.endswith("PASSWORD") else [value]
        for variant in variants:
            monkeypatch.setenv(name, variant)
            with pytest.raises(ValidationError, match=NAMED.get(name, name)):
                SETTINGS[service]()
        monkeypatch.setenv(name, good[name])


def services_of(text: str) -> dict[str, str]:
    """The text of each service by its name."""
    block = text.split("\nservices:\n")[1].split("\nnetworks:\n")[0]
    parts = re.split(r"^  ([a-z-]+):", block, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def merged(block: str, text: str) -> str:
    """A block with those that its anchors name, and theirs."""
    names = re.findall(r"\*([a-z-]+)", block)
    anchors = [re.search(rf"^x-.*&{name}\n((?:  .*\n)*)", text, re.M) for name in names]
    return block + "".join(merged(found[1], text) for found in anchors if found)


@pytest.mark.parametrize(
    "what", ["logging:", "mem_limit:", "cpus:", "restart:", "cap_drop:", "pids_limit:", "networks:"]
)
def test_every_container_has_a_bound_for(compose: str, what: str) -> None:
    found = {name: merged(block, compose) for name, block in services_of(compose).items()}
    assert {"postgres", "gateway", "flower", "notification-worker"} < found.keys()
    assert [name for name, block in found.items() if what not in block] == []
    assert "options: {max-size: 10m" in compose


def test_limits_are_written_in_the_one_way_that_both_versions_of_compose_take(compose: str) -> None:
    """Version 2 refuses ``deploy.resources.limits`` beside ``pids_limit``; 1.29 has no ``pids`` there."""
    assert not re.findall(r"\bresources:", compose)
    # Version 2 warns of it at every command.
    assert not re.findall(r"^version:", compose, re.M)


def test_a_container_without_a_bound_would_be_found(compose: str) -> None:
    """The negative control."""
    without = compose.replace("<<: [*api-limits, *auth]", "<<: *auth")
    block = merged(services_of(without)["auth"], without)
    assert "mem_limit:" not in block
    assert "logging:" in block


def test_only_the_worker_and_the_gateway_reach_the_outside(compose: str) -> None:
    outside = {
        name
        for name, block in services_of(compose).items()
        if re.search(r"networks: \[.*\b(outside|mail)\b", block)
    }
    # The worker and alertmanager send mail, and preflight asks the mail server.
    assert outside == {"gateway", "notification-worker", "preflight", "alertmanager"}
    networks = compose.split("\nnetworks:\n")[1]
    assert re.search(r"^  inside:\n    internal: \$\{SEALED:-true\}$", networks, re.M)
    assert re.search(r"^  data:\n    internal: true$", networks, re.M)


def test_flower_is_started_in_both_ways_through_the_module_that_sets_it_up(
    compose: str, tmp_path: Path
) -> None:
    """``configure_flower`` reads the arguments; an option in them would stand before what it sets."""
    [in_container] = re.findall(r"command: (.*)$", services_of(compose)["flower"], re.M)
    assert json.loads(in_container) == ["python", "-m", "notification_service.flower"]
    names = ("auth", "event", "notification", "flower", "smtp", "postgres")
    ports = dict.fromkeys((*names, "redis-broker", "redis-cache"), 1)
    environments = Environments(ports, read_secrets(tmp_path / "secrets.json"), {})
    [started] = [p for p in services(environments, ports, tmp_path) if p.name == "flower"]
    at = started.command.index("celery")
    for command in (COMMAND, started.command[at + 1 :]):
        assert tuple(command[:3]) == ("-A", "notification_service.tasks", "flower")
        environment = {"FLOWER_BASIC_AUTH": "ops:of-ones-own"}
        configure_flower(command, environment)
        assert "args" in environment["FLOWER_TASKS_COLUMNS"].split(",")
        assert not [one for one in command if re.match("--(tasks|natural|format)", one)]


def test_settings_by_file_reach_every_container_of_ours(compose: str) -> None:
    ours = {
        name: merged(block, compose)
        for name, block in services_of(compose).items()
        if "SETTINGS_FOLDER" in merged(block, compose)
    }
    assert len(ours) > 10
    assert [name for name, block in ours.items() if ":/run/settings:ro" not in block] == []


def test_what_is_for_monitoring_starts_only_with_its_profile(compose: str) -> None:
    with_profile = {
        name
        for name, block in services_of(compose).items()
        if "profiles: [monitoring]" in merged(block, compose)
    }
    assert with_profile == set(MONITORING)
    # Started by nobody, their images are not fetched either.
    assert [one for one in base_images(compose) if "prom" in one or "grafana" in one] == []
    assert {"postgres:17", "redis:8", "caddy:2"} <= set(base_images(compose))


def test_each_image_of_monitoring_is_of_one_version(compose: str) -> None:
    own = set(MONITORING) - {"monitoring-role"}
    images = [re.findall(r"image: (\S+)", services_of(compose)[name])[0] for name in own]
    assert [one for one in images if not re.search(r":v?\d+\.\d+\.\d+(-alpine)?$", one)] == []


@pytest.mark.parametrize("sender", ["Teatro dell'Opera <t@example.com>", '"A, B" <t@example.com>'])
def test_alertmanager_is_given_a_sender_as_it_is(tmp_path: Path, sender: str) -> None:
    environment = {
        "PATH": os.environ["PATH"], "CONFIGURATION": str(tmp_path / "file.yml"), "SMTP_USER": "it's",
        "SMTP_HOST": "mail.example", "ALERT_EMAIL": "o'neill@example.com", "MAIL_FROM": sender,
    }  # fmt: skip
    command = ["sh", str(ROOT / "deploy/monitoring/alertmanager.sh"), "--only-write"]
    subprocess.run(command, env=environment, check=True)
    [receiver] = yaml.safe_load((tmp_path / "file.yml").read_text())["receivers"]
    [mail] = receiver["email_configs"]
    assert (mail["from"], mail["to"]) == (sender, "o'neill@example.com")
    assert mail["auth_username"] == "it's"


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
@pytest.mark.parametrize("user", ["", "parterre"])
def test_alertmanager_can_read_what_it_is_given(tmp_path: Path, security: str, user: str) -> None:
    environment = {
        "PATH": os.environ["PATH"], "CONFIGURATION": str(tmp_path / "file.yml"), "SMTP_USER": user,
        "SMTP_SECURITY": security, "SMTP_HOST": "mail.example", "ALERT_EMAIL": "ops@example.com",
        "MAIL_FROM": "Parterre <tickets@example.com>",
    }  # fmt: skip
    for changes in ({}, {"ALERT_EMAIL": ""}):
        command = ["sh", str(ROOT / "deploy/monitoring/alertmanager.sh"), "--only-write"]
        subprocess.run(command, env=environment | changes, check=True)
        text = (tmp_path / "file.yml").read_text()
        assert ("ops@example.com" in text) is not bool(changes)
        if shutil.which("amtool"):
            checked = ["amtool", "check-config", str(tmp_path / "file.yml")]
            subprocess.run(checked, check=True, capture_output=True)
