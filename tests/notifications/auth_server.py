"""auth-service as this service sees it: a token, contacts, links. A real HTTP server in a thread."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

TOKEN = "service-token"


@dataclass
class Accounts:
    """Everybody has an account unless told otherwise; ``is_away`` answers 503 to all, and
    ``is_something_else`` a 404 as other servers write it."""

    special: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    is_away: bool = False
    is_something_else: bool = False
    links: int = 0
    link_problems: list[str] = field(default_factory=list)
    requests: int = 0
    keys: dict[str, Any] = field(default_factory=lambda: {"keys": []})

    def contact(self, user_id: str) -> dict[str, Any] | None:
        if user_id in self.special and self.special[user_id] is None:
            return None
        usual = {
            "id": user_id,
            "email": f"guest-{user_id}@guests.example",
            "pending_email": None,
            "full_name": "Ada Lovelace",
            "locale": "en",
            "is_active": True,
            "is_verified": True,
        }
        return usual | (self.special.get(user_id) or {})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: without this each answer would wait for an ACK.
    disable_nagle_algorithm = True
    accounts: Accounts

    def do_GET(self) -> None:
        if self.path == "/.well-known/jwks.json":
            self._answer(200, self.accounts.keys)
            return
        if self._refused():
            return
        user_id = self.path.split("/")[-2]
        contact = self.accounts.contact(user_id)
        if contact:
            self._answer(200, contact)
        else:
            self._refuse(404, "not-found")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/auth/token"):
            if self.accounts.is_away:
                self._answer(503, {})
            else:
                self._answer(200, {"access_token": TOKEN, "expires_in": 600})
        elif self._refused():
            return
        elif self.path.endswith("/users/contacts"):
            found = [self.accounts.contact(user_id) for user_id in json.loads(body)["ids"]]
            self._answer(200, {"contacts": [contact for contact in found if contact]})
        else:
            self.accounts.links += 1
            asked = json.loads(body)
            assert asked["email"]
            if self.accounts.link_problems:
                problem = self.accounts.link_problems.pop()
                self._refuse(409, problem)
                return
            token = f"{asked['kind']}-{self.accounts.links}"
            self._answer(201, {"token": token, "expires_at": "2200-01-01T00:00:00Z"})

    def _refused(self) -> bool:
        if self.accounts.is_away:
            self._answer(503, {})
        elif self.accounts.is_something_else:
            self._answer(404, {"detail": "Not Found"})
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, {})
        else:
            self.accounts.requests += 1
            return False
        return True

    def _refuse(self, status: int, problem: str) -> None:
        document = {"type": f"urn:problem:{problem}"}
        self._answer(status, document, content_type="application/problem+json")

    def _answer(
        self, status: int, document: dict[str, Any], *, content_type: str = "application/json"
    ) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests read their own output."""


class AuthServerForTests:
    def __init__(self) -> None:
        self.accounts = Accounts()
        handler = type("Handler", (_Handler,), {"accounts": self.accounts})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reset(self) -> None:
        self.accounts.special.clear()
        self.accounts.is_away = self.accounts.is_something_else = False
        self.accounts.links = self.accounts.requests = 0
        self.accounts.link_problems.clear()


def address_of(user_id: UUID | str) -> str:
    return f"guest-{user_id}@guests.example"
