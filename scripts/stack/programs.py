"""The processes of the stack, in the order in which they start."""

import os
import shutil
import sys
from pathlib import Path

from stack.environment import SYSTEM, Environments
from stack.health import answers
from stack.ports import LOOPBACK
from stack.processes import Program
from stack.services import AUTH, EVENT, NOTIFICATION, SERVICES, Service

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
DATA_SERVERS = ("redis-broker", "redis-cache", "postgres")


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def mailbox(ports: dict[str, int]) -> Program:
    """MailHog if it is there, else the built-in mailbox, which speaks as MailHog does."""
    found = shutil.which("MailHog") or shutil.which("mailhog")
    environment = {name: os.environ[name] for name in SYSTEM if name in os.environ}
    environment |= {
        "MH_SMTP_BIND_ADDR": f"{LOOPBACK}:{ports['smtp']}",
        "MH_API_BIND_ADDR": f"{LOOPBACK}:{ports['mailbox']}",
        "MH_UI_BIND_ADDR": f"{LOOPBACK}:{ports['mailbox']}",
        "MH_HOSTNAME": "mailbox.parterre.example",
    }
    smtp, page = f"tcp://{LOOPBACK}:{ports['smtp']}", f"http://{LOOPBACK}:{ports['mailbox']}"
    page += "/api/v2/messages?limit=1"
    return Program(
        name="mailbox",
        command=[found] if found else python("stack.mailbox"),
        environment=environment,
        ready=lambda: answers(smtp) and answers(page),
        health=page,
        address=f"http://localhost:{ports['mailbox']}",
    )


def migrations(environments: Environments) -> list[Program]:
    return [
        Program(
            name=f"{service.name}-migrate",
            command=python(f"{service.package}.migrate"),
            environment=environments.of(service),
        )
        for service in SERVICES
    ]


def services(environments: Environments, ports: dict[str, int], var: Path) -> list[Program]:
    """What runs on top of PostgreSQL, Redis and the mailbox."""

    def api(service: Service) -> Program:
        port = ports[service.name]
        return Program(
            name=service.name,
            command=python(service.package),
            environment=environments.of(service),
            health=f"http://{LOOPBACK}:{port}/health/ready",
            address=f"http://localhost:{port}/docs",
        )

    def background(name: str, service: Service, command: list[str]) -> Program:
        return Program(name, command, environments.of(service))

    celery = python("celery", "-A", "notification_service.worker")
    flower = ports["flower"]
    return [
        api(AUTH),
        api(EVENT),
        api(NOTIFICATION),
        background("auth-relay", AUTH, python("auth_service.relay")),
        background("event-relay", EVENT, python("event_service.relay")),
        background(
            "notification-worker",
            NOTIFICATION,
            [*celery, "worker", *WORKER_OPTIONS],
        ),
        background(
            "notification-maintenance",
            NOTIFICATION,
            python("notification_service.maintenance"),
        ),
        background(
            "notification-beat",
            NOTIFICATION,
            [*celery, "beat", "--schedule", str(var / "beat-schedule"), "--pidfile", ""],
        ),
        Program(
            name="flower",
            command=[*celery, "flower", f"--address={LOOPBACK}", f"--port={flower}"],
            environment=environments.of(NOTIFICATION),
            health=f"http://{LOOPBACK}:{flower}/healthcheck",
            address=f"http://localhost:{flower}",
        ),
    ]
