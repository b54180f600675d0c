"""What is measured, and with what: event-service with its relay on real servers, tokens, events."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import jwt
import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks import load
from benchmarks.revisions import Revision
from service_kit.database.sql_files import Record, SqlStatement
from service_kit.database.sql_files import load as load_statements
from service_kit.ids import new_id
from service_kit.web.tokens import ALGORITHM, USER_AUDIENCE
from stack import programs
from stack.errors import StackError
from stack.ports import LOOPBACK, free_port
from stack.processes import Process, Program
from stack.services import EVENT, Service
from stack.stack import Stack

statements = load_statements("benchmarks")
KEY_ID = "bench"
TOKEN_SECONDS = 3600
STATEMENT_SECONDS = 600
DATABASE_POOL_SIZE = 10
# For ten thousand people and who asks beside them.
MAX_CONNECTIONS = 12_000


class Bench(Stack):
    """As durable as in production. Its own key signs the tokens: people need no accounts."""

    def __init__(
        self, folder: Path, *, seconds: int, turns: int, revision: Revision | None = None
    ) -> None:
        """``seconds`` is how long a measurement takes, ``turns`` how often it is repeated where both
        sides are measured by turns. Without ``revision`` the present services are measured."""
        self.seconds = seconds
        self.turns = turns
        self._revision = revision
        self._key = Ed25519PrivateKey.generate()
        self._keys_port = free_port()
        settings = {
            "AUTH_SERVICE_URL": f"http://{LOOPBACK}:{self._keys_port}",
            "ACCESS_TOKEN_SECONDS": str(TOKEN_SECONDS),
            "DATABASE_POOL_SIZE": str(DATABASE_POOL_SIZE),
            "RATE_LIMIT_ENABLED": "false",
            "MAX_CONNECTIONS": str(MAX_CONNECTIONS),
            "LOG_LEVEL": "WARNING",
        }
        super().__init__(folder, settings=settings, free_ports=True)

    def _start_services(self) -> None:
        self.start_all([self._key_server()])
        self.start_some("event", "event-relay")
        self._organizer = httpx.Client(
            base_url=f"{self.url('event')}/api/v1",
            headers={"Authorization": f"Bearer {self.token()}"},
            timeout=60,
        )

    def _launch(self, programs: Sequence[Program]) -> list[Process]:
        if self._revision is not None:
            programs = [self._revision.runs(program) for program in programs]
        return super()._launch(programs)

    def _key_server(self) -> Program:
        """Publishes the key where auth-service would."""
        file = self.var / "keys" / ".well-known" / "jwks.json"
        file.parent.mkdir(parents=True)
        jwk = jwt.algorithms.OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        file.write_text(json.dumps({"keys": [jwk | {"kid": KEY_ID}]}))
        port, folder = str(self._keys_port), str(self.var / "keys")
        command = programs.python("http.server", port, "--bind", LOOPBACK, "--directory", folder)
        return Program("keys", command, {}, health=f"http://{LOOPBACK}:{port}/")

    def start_some(self, *names: str, **environment: str) -> None:
        """Starts some of the services' processes, each with further variables."""
        every = programs.services(self.environments, self.ports, self.var)
        self.start_all(
            [
                replace(program, environment={**program.environment, **environment})
                for program in every
                if program.name in names
            ]
        )

    def start_two_processes(self) -> int:
        """Starts event-service once more, with two processes; its port."""
        port = free_port()
        several = {"PORT": str(port), "WEB_CONCURRENCY": "2"}
        environment = {**self.environments.of(EVENT), **several}
        health = f"http://{LOOPBACK}:{port}/health/ready"
        self.start_all(
            [Program("two-processes", programs.python(EVENT.package), environment, health=health)]
        )
        return port

    def start_comparison(self) -> int:
        """Starts the bare FastAPI application of comparison.py; its port."""
        port = free_port()
        environment = {**self.environments.of(EVENT), "PORT": str(port)}
        command = programs.python("benchmarks.comparison")
        health = f"http://{LOOPBACK}:{port}/constant"
        self.start_all([Program("comparison", command, environment, health=health)])
        return port

    def token(self, user_id: UUID | None = None) -> str:
        """An access token of a user, by default of a new one."""
        now = int(time.time())
        claims = {
            "iss": "parterre",
            "aud": USER_AUDIENCE,
            "sub": str(user_id or new_id()),
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "jti": new_id().hex,
            "email_verified": True,
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": KEY_ID})

    def tokens(self, people: int) -> list[str]:
        return [self.token() for _ in range(people)]

    def publish(self, capacity: int, **changes: Any) -> str:
        """The id of a new event with general seating."""
        event = {
            "title": "Bench",
            "venue": "Hall",
            "city": "Berlin",
            "timezone": "Europe/Berlin",
            "starts_at": "2100-01-01T18:00:00Z",
            "ends_at": "2100-01-01T20:00:00Z",
            "price": 2500,
            "seating": {"kind": "general", "capacity": capacity},
        } | changes
        created = self._organizer.post("/events", json=event).raise_for_status().json()
        self._organizer.post(f"/events/{created['id']}/publish").raise_for_status()
        return str(created["id"])

    def measure(
        self, requests: Iterator[bytes], *, connections: int, port: int | None = None
    ) -> load.Measured:
        port = port or self.ports["event"]
        # The first second fills caches; that is not what is measured.
        load.run(port, requests, connections=connections, seconds=1)
        measured = load.run(port, requests, connections=connections, seconds=self.seconds)
        check_statuses(measured, {200, 201})
        return measured

    def sql(self, service: Service, statement: SqlStatement, **values: Any) -> list[Record]:
        """Runs a statement in a service's database; its rows."""

        async def run() -> list[Record]:
            connection = await asyncpg.connect(
                self.environments.database_url(service), command_timeout=STATEMENT_SECONDS
            )
            try:
                codec = {"encoder": json.dumps, "decoder": json.loads}
                await connection.set_type_codec("jsonb", schema="pg_catalog", **codec)
                return await statement.rows(connection, **values)
            finally:
                await connection.close()

        return asyncio.run(run())

    def memory_megabytes(self) -> float:
        return float(psutil.Process(self.processes["event"].pid).memory_info().rss / 1_048_576)


def check_statuses(measured: load.Measured, expected: set[int]) -> None:
    """Raises StackError if there were others, or requests without an answer."""
    if set(measured.statuses) - expected or measured.unanswered:
        answers = f"{dict(measured.statuses)}, {measured.unanswered} without an answer"
        raise StackError(f"bench: unexpected answers {answers}")
