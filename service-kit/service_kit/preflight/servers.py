"""PostgreSQL and Redis, if they run already: do they take these passwords?

A volume keeps the passwords with which it was made, whatever the files say later.
"""

import asyncio
from collections.abc import Mapping

import asyncpg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from service_kit.preflight.services import SERVICES
from service_kit.settings import ServiceSettings

TIMEOUT_SECONDS = 4.0
ADMINISTRATOR = "postgres"


class NotRunning(Exception):
    """Nothing answers there yet, or not any more."""


async def examine_postgres(settings: ServiceSettings, secrets: Mapping[str, str]) -> list[str]:
    """A line for each role that PostgreSQL knows by another password. Raises NotRunning."""
    roles = [("postgres_password", ADMINISTRATOR, ADMINISTRATOR)]
    roles += [(s.database_password, s.database, s.database) for s in SERVICES]
    problems = []
    for secret, role, database in roles:
        if not secrets[secret]:
            continue
        try:
            await _sign_in(settings, role, database, secrets[secret])
        except asyncpg.InvalidAuthorizationSpecificationError:
            problems.append(
                f"secrets/{secret} is not the password that PostgreSQL has for {role}: its data was"
                f" made with another; put that one back, or run ./scripts/secrets --apply {secret}"
            )
        except asyncpg.InvalidCatalogNameError:
            problems.append(
                f"PostgreSQL has no database {database}: its data was not made by Parterre, or its"
                " first start was cut off; see deploy/postgres/init.sh"
            )
    return problems


async def _sign_in(settings: ServiceSettings, role: str, database: str, password: str) -> None:
    try:
        connection = await asyncpg.connect(
            host=settings.database_host,
            port=settings.database_port,
            user=role,
            database=database,
            password=password,
            timeout=TIMEOUT_SECONDS,
            ssl="prefer",
        )
    except (OSError, asyncpg.CannotConnectNowError) as error:
        raise NotRunning from error
    await connection.close()


def examine_redis(settings: ServiceSettings, password: str) -> list[str]:
    """A line for each Redis that has another password. Raises NotRunning if neither answers."""
    problems, has_answer = [], False
    broker = (settings.broker_host, settings.broker_port)
    cache = (settings.cache_host, settings.cache_port)
    for host, port in (broker, cache):
        try:
            _ping(host, port, password)
        except redis.AuthenticationError:
            problems.append(
                f"secrets/redis_password is not the password of {host}, which was started with"
                f" another: ./scripts/compose restart {host}"
            )
        except (redis.RedisError, OSError):
            continue
        has_answer = True
    if not has_answer:
        raise NotRunning
    return problems


def _ping(host: str, port: int, password: str) -> None:
    with redis.Redis(
        host=host,
        port=port,
        password=password,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    ) as client:
        client.ping()


def examine(settings: ServiceSettings, secrets: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Problems, and remarks on what could not be tried."""
    problems, remarks = [], []
    try:
        problems += asyncio.run(examine_postgres(settings, secrets))
    except NotRunning:
        remarks.append("PostgreSQL does not run: its passwords were not tried")
    try:
        problems += examine_redis(settings, secrets["redis_password"])
    except NotRunning:
        remarks.append("Redis does not run: its password was not tried")
    return problems, remarks
