"""Whether a host has room for a second container of several services at the same time."""

from collections.abc import Sequence
from pathlib import Path

from deployment.engine import Container
from deployment.errors import CommandFailed
from deployment.layout import Layout
from deployment.memory import MEMINFO, available_bytes
from deployment.services import API_SERVICES

# For what else happens meanwhile: Compose, the smoke test, PostgreSQL's own needs.
SPARE_BYTES = 256 << 20
# Of a container without a limit: more than any of ours has by ./scripts/tune.
UNLIMITED_BYTES = 640 << 20
# ``max_connections`` of the Compose file.
POSTGRES_CONNECTIONS = 200
# Of all but the APIs while they are replaced: relays, workers and maintenance (some 20, twice over), a
# backup, a migration, preflight, exporters, and those that PostgreSQL keeps for superusers.
OTHER_CONNECTIONS = 40


def connections_of_api(layout: Layout) -> int:
    """The most that one container of an API may have to PostgreSQL."""
    return int(layout.number("WEB_CONCURRENCY", 1) * layout.number("DATABASE_POOL_SIZE", 10))


def lack(
    old: Sequence[Container],
    running: Sequence[Container],
    layout: Layout,
    meminfo: Path = MEMINFO,
) -> str:
    """What there is too little of for a second container of each of ``old`` at the same time, in words;
    "" if there is room. ``running``: the project's containers.

    A new one may take as much memory as the limit of the one that it replaces.
    """
    needed = SPARE_BYTES + sum(one.memory or UNLIMITED_BYTES for one in old)
    available = available_bytes(meminfo)
    if available < needed:
        return f"{available >> 20} MiB of memory are available, {needed >> 20} may be needed"
    apis = [one for one in (*running, *old) if one.service in API_SERVICES]
    try:
        connections = len(apis) * connections_of_api(layout) + OTHER_CONNECTIONS
    except CommandFailed as error:
        return str(error)
    if connections > POSTGRES_CONNECTIONS:
        return f"PostgreSQL takes {POSTGRES_CONNECTIONS} connections, {connections} may be needed"
    return ""
