"""The services of the Compose file, in the order in which a deployment replaces them."""

import re

# What Docker takes as a tag, and a file system as a folder's name.
VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

API_SERVICES = ("auth", "event", "notification")
MIGRATIONS = tuple(f"{service}-migrate" for service in API_SERVICES)
PREFLIGHT = "preflight"

WORKERS = ("notification-worker", "notification-maintenance")
FLOWER = "flower"
RELAYS = ("auth-relay", "event-relay", FLOWER)
# One at a time: two would send each periodic task twice.
BEAT = "notification-beat"

# Stopped, then started again; all others are replaced with a second container beside the first.
ONE_AT_A_TIME = (BEAT,)
# In the order of a deployment; those of a group are replaced together. Where there is room, all groups of
# a stage are one.
STAGES = (tuple((service,) for service in API_SERVICES), (WORKERS, RELAYS), ((BEAT,),))
GROUPS = tuple(group for stage in STAGES for group in stage)
# Only with ``--profile monitoring``; docker-compose 1.29 lists them without it too. No deployment touches
# them.
MONITORING_ROLE = "monitoring-role"
MONITORING = (
    "prometheus",
    "alertmanager",
    "grafana",
    MONITORING_ROLE,
    "postgres-exporter",
    "redis-broker-exporter",
    "redis-cache-exporter",
    "node-exporter",
    "blackbox-exporter",
)
# They do their work and end.
ONE_SHOT = (*MIGRATIONS, PREFLIGHT, MONITORING_ROLE)
# A deployment never touches these.
UNTOUCHED = ("postgres", "redis-broker", "redis-cache", "gateway")

# From SIGTERM to SIGKILL, beside DRAIN_SECONDS. The worker ends the mails that it has begun.
STOP_SECONDS = {"notification-worker": 90}
DEFAULT_STOP_SECONDS = 45
IMAGE_PREFIX = "parterre/"


def image_of(service: str, version: str) -> str:
    """Image of a service or of one of its processes: ``auth-relay`` runs auth-service's."""
    owner = "notification" if service == FLOWER else service.split("-")[0]
    return f"{IMAGE_PREFIX}{owner}-service:{version}"


def images_of(version: str) -> list[str]:
    return [image_of(service, version) for service in API_SERVICES]
