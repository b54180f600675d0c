"""When a new container gets its first visitor: not before it is healthy and has answered once.

Docker's DNS lists a container from its start, and the gateway and the other services ask whatever has the
service's name: of one that does not listen yet they learn by a refusal. So a new container starts without
that name, and gets it last, on the network that it shares with the gateway. Only who joins can be named.
"""

from collections.abc import Iterable

from deployment.engine import Container, Engine
from deployment.services import API_SERVICES, FLOWER

# Of the Compose file: what the gateway and the services have in common.
FRONT = "inside"
# Whom the gateway asks.
ASKED = (*API_SERVICES, FLOWER)
CHECK = ("bash", "/app/service_kit/observability/healthcheck.sh", "8000")
# The first answer of each costs its process more than the next: templates are read, a connection to
# PostgreSQL is made.
FIRST_PATHS = {
    "auth": ("/health/ready", "/.well-known/jwks.json"),
    "event": ("/health/ready", "/", "/api/v1/events"),
    "notification": ("/health/ready",),
}
ANSWER_SECONDS = 20.0


def connect_before_start(engine: Engine, one: Container, networks: Iterable[str]) -> None:
    """Put a container that was created on its networks; one that visitors ask without its service's name, so
    that only who knows its id finds it.

    docker-compose 1.29 creates containers on the first of them only, version 2 on all. ``one``: as it was
    when it had been created.
    """
    present = set(one.networks)
    if one.service not in ASKED:
        _connect(engine, one, set(networks) - present)
        return
    for network in sorted(networks):
        if network in present:
            engine.docker("network", "disconnect", network, one.id)
        engine.docker("network", "connect", network, one.id)


def let_in(engine: Engine, one: Container, networks: Iterable[str]) -> None:
    """Have a healthy container answer once, and give it its service's name on the front."""
    for path in FIRST_PATHS.get(one.service, ()):
        # What a release does not know it need not answer.
        engine.docker("exec", one.id, *CHECK, path, seconds=ANSWER_SECONDS, is_checked=False)
    (now,) = engine.inspect(one.id)
    unnamed = {_front(engine)} & set(now.networks) - set(now.named_on)
    for network in unnamed:
        engine.docker("network", "disconnect", network, one.id)
    _connect(engine, one, set(networks) - set(now.networks) | unnamed)


def serves(engine: Engine, one: Container) -> bool:
    """Whether it is healthy, and the gateway finds it if it asks such ones."""
    return one.is_healthy and is_named(engine, one)


def is_named(engine: Engine, one: Container) -> bool:
    """Whether the gateway finds it, if it asks such ones."""
    return one.service not in ASKED or _front(engine) in one.named_on


def _connect(engine: Engine, one: Container, networks: Iterable[str]) -> None:
    for network in sorted(networks):
        engine.docker("network", "connect", "--alias", one.service, network, one.id)


def _front(engine: Engine) -> str:
    return f"{engine.layout.project}_{FRONT}"
