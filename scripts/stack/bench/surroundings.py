"""What is measured: an event-service with its relay on real servers, and tokens that it trusts."""

import json
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service_kit.ids import new_id
from service_kit.web.tokens import ALGORITHM, USER_AUDIENCE
from stack import programs
from stack.ports import free_port
from stack.processes import Program
from stack.services import EVENT
from stack.stack import Stack

KEY_ID = "bench"
TOKEN_SECONDS = 3600

Json = dict[str, Any]


class Signer:
    """Stands in for auth-service: serves one key, and signs tokens of as many people as are wanted."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        public = jwt.algorithms.OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        document = json.dumps({"keys": [public | {"kid": KEY_ID}]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(document)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def token(self, user_id: UUID | None = None) -> str:
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


class BenchStack(Stack):
    """PostgreSQL, Redis and event-service, as durable as in earnest."""

    def __init__(self, var: Path, signer: Signer, settings: Mapping[str, str]) -> None:
        chosen = {
            "AUTH_SERVICE_URL": signer.url,
            "ACCESS_TOKEN_SECONDS": str(TOKEN_SECONDS),
            "RATE_LIMIT_ENABLED": "false",
            "LOG_LEVEL": "WARNING",
        }
        super().__init__(var, settings=chosen | dict(settings), free_ports=True)

    def _start_services(self) -> None:
        every = programs.services(self.environments, self.ports, self.var)
        self.start_all([one for one in every if one.name in ("event", "event-relay")])

    def start_comparison(self) -> int:
        """Starts the bare FastAPI application of comparison.py; its port."""
        port = free_port()
        environment = {**self.environments.of(EVENT), "PORT": str(port)}
        self.start_all(
            [
                Program(
                    name="comparison",
                    command=programs.python("stack.bench.comparison"),
                    environment=environment,
                    health=f"http://127.0.0.1:{port}/constant",
                )
            ]
        )
        return port


class Organizer:
    """Makes events over HTTP."""

    def __init__(self, stack: Stack, signer: Signer) -> None:
        self._http = httpx.Client(
            base_url=f"{stack.url('event')}/api/v1",
            headers={"Authorization": f"Bearer {signer.token()}"},
            timeout=60,
        )

    def publish(self, **changes: Any) -> Json:
        body = {
            "title": "Bench",
            "venue": "Hall",
            "city": "Berlin",
            "timezone": "Europe/Berlin",
            "starts_at": "2100-01-01T18:00:00Z",
            "ends_at": "2100-01-01T20:00:00Z",
            "price": 2500,
        } | changes
        created = self._http.post("/events", json=body).raise_for_status().json()
        event: Json = self._http.post(f"/events/{created['id']}/publish").raise_for_status().json()
        return event
