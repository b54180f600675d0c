"""The processes of the stack, in the order in which they start."""

import dataclasses
import os
import shutil
import sys
from pathlib import Path

from stack.environment import SYSTEM, Environments
from stack.health import answers
from stack.ports import LOOPBACK
from stack.processes import Program
from stack.services import AUTH, EVENT, NOTIFICATION, SERVICES

# Workers have nothing to say to each other; their gossip only hampers a return to the broker.
WORKER_OPTIONS = ("--queues", "notifications", "-E", "--without-gossip", "--without-mingle")
# A worker finishes the mail that it is at, and asks auth-service for the address until the end.
STOP_ORDER = (
    {"notification-worker"},
    {"auth"},
    {"mailbox"},
    {"redis-broker", "redis-cache"},
    {"postgres"},
)
# They have no port of their own but the one for Prometheus, which nobody chooses.
WITHOUT_HTTP = (
    "auth-relay",
    "event-relay",
    "notification-worker",
    "notification-maintenance",
    "notification-beat",
)
DATA_SERVERS = ("redis-broker", "redis-cache", "postgres")


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def metrics_port(name: str) -> str:
    """Its name among the ports of the stack."""
    return f"{name}-metrics"


def _with_metrics(program: Program, ports: dict[str, int], var: Path) -> Program:
    port = ports.get(metrics_port(program.name))
    if program.name not in WITHOUT_HTTP or port is None:
        return program
    environment = {**program.environment, "METRICS_PORT": str(port)}
    if program.name == "notification-worker":
        # Its processes share what they count.
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(var / "worker-metrics")
    return dataclasses.replace(program, environment=environment)


def mailbox(ports: dict[str, int]) -> Program:
    """MailHog if it is there, else the built-in mailbox, which speaks as MailHog does."""
    mailhog = shutil.which("MailHog") or shutil.which("mailhog")
    smtp, web = (f"{LOOPBACK}:{ports[name]}" for name in ("smtp", "mailbox"))
    health = f"http://{web}/api/v2/messages?limit=1"
    return Program(
        name="mailbox",
        command=[mailhog] if mailhog else python("stack.mailbox"),
        environment={
            **{name: os.environ[name] for name in SYSTEM if name in os.environ},
            "MH_SMTP_BIND_ADDR": smtp,
            "MH_API_BIND_ADDR": web,
            "MH_UI_BIND_ADDR": web,
            "MH_HOSTNAME": "mailbox.parterre.example",
        },
        ready=lambda: answers(f"tcp://{smtp}") and answers(health),
        health=health,
        address=f"http://localhost:{ports['mailbox']}",
    )


def migrations(environments: Environments) -> list[Program]:
    return [
        Program(f"{s.name}-migrate", python(f"{s.package}.migrate"), environments.of(s))
        for s in SERVICES
    ]


def services(environments: Environments, ports: dict[str, int], var: Path) -> list[Program]:
    """What runs on top of PostgreSQL, Redis and the mailbox."""
    apis = [
        Program(
            service.name,
            python(service.package),
            environments.of(service),
            health=f"http://{LOOPBACK}:{ports[service.name]}/health/ready",
            address=f"http://localhost:{ports[service.name]}/docs",
        )
        for service in SERVICES
    ]
    auth, event, notification = map(environments.of, (AUTH, EVENT, NOTIFICATION))
    celery = python("celery", "-A", "notification_service.tasks")
    beat = ["beat", "--schedule", str(var / "beat-schedule"), "--pidfile", ""]
    flower = ports["flower"]
    programs = [
        *apis,
        Program("auth-relay", python("auth_service.relay"), auth),
        Program("event-relay", python("event_service.relay"), event),
        Program("notification-worker", [*celery, "worker", *WORKER_OPTIONS], notification),
        Program(
            "notification-maintenance", python("notification_service.maintenance"), notification
        ),
        Program("notification-beat", [*celery, *beat], notification),
        Program(
            "flower",
            [*celery, "flower", f"--address={LOOPBACK}", f"--port={flower}"],
            notification,
            health=f"http://{LOOPBACK}:{flower}/healthcheck",
            address=f"http://localhost:{flower}",
        ),
    ]
    return [_with_metrics(program, ports, var) for program in programs]
