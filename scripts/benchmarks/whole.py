"""All that Compose runs, on servers of the bench: for what an operation costs every part."""

import re
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

import httpx

from auth_service.settings import Settings as AuthSettings
from benchmarks.servers import Bench, statements
from event_service.settings import Settings as EventSettings
from notification_service.settings import Settings as NotificationSettings
from service_kit.ids import new_id
from stack.environment import Environments
from stack.errors import StackError
from stack.ports import LOOPBACK, free_port
from stack.processes import Program
from stack.services import AUTH, EVENT, NOTIFICATION
from stack.stack import ROOT

PASSWORD = "bench-" + secrets.token_hex(8)
PARTS: dict[str, tuple[str, ...]] = {
    "gateway": ("gateway", "gateway-tls"),
    "event": ("event",),
    "auth": ("auth",),
    "notif.": ("notification",),
    "worker": ("notification-worker",),
    "relays": ("auth-relay", "event-relay"),
    "postgres": ("postgres",),
    "redis": ("redis-broker", "redis-cache"),
    "others": ("notification-maintenance", "notification-beat", "flower"),
}
# It stands for a mail server elsewhere.
NOT_COUNTED = {"mailbox"}
LONGEST_WAIT_SECONDS = 300.0


class WholeBench(Bench):
    """Real accounts and tokens, the log and the rate limits of production (which refuse nobody here),
    and Caddy before it all where ``caddy`` is on PATH."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, seconds=4, turns=1)
        limits = [
            name.upper()
            for settings in (AuthSettings, EventSettings, NotificationSettings)
            for name in settings.model_fields
            if name.endswith("_rate_limit")
        ]
        self._settings = {
            **self._settings,
            **dict.fromkeys(limits, "10000000/minute"),
            "RATE_LIMIT_ENABLED": "true",
            "LOG_LEVEL": "INFO",
            "ENVIRONMENT": "production",
            "TRUSTED_PROXIES": LOOPBACK,
        }
        self.caddy = shutil.which("caddy")
        self.gateways: dict[str, int] = {}

    def _start_services(self) -> None:
        settings = {**self._settings, "AUTH_SERVICE_URL": self.url("auth")}
        self.environments = Environments(self.ports, self.secrets, settings)
        super(Bench, self)._start_services()
        for name, tls in (("gateway", "off"), ("gateway-tls", "internal")):
            if self.caddy:
                self.start_all([self._gateway(self.caddy, name, tls)])
        self.organizer = self.sign_in(self.add_people(1)[0])["access_token"]
        headers = {"Authorization": f"Bearer {self.organizer}"}
        self._organizer = httpx.Client(
            base_url=f"{self.url('event')}/api/v1", headers=headers, timeout=60
        )

    def port_of(self, service: str) -> int:
        """Where its requests go: to the gateway, if there is one."""
        return self.gateways.get("gateway", self.ports[service])

    def _gateway(self, caddy: str, name: str, tls: str) -> Program:
        """With the configuration of deploy/gateway, but for names and ports."""
        folder = self.var / name
        shutil.copytree(ROOT / "deploy" / "gateway", folder / "etc")
        file = folder / "etc" / "Caddyfile"
        http, https, health = free_port(), free_port(), free_port()
        text = file.read_text().replace("127.0.0.1:2020", f"127.0.0.1:{health}")
        text = text.replace(
            "admin localhost:2019", f"admin off\nhttp_port {http}\nhttps_port {https}"
        )
        for service in (*(s.name for s in (AUTH, EVENT, NOTIFICATION)), "flower"):
            text = re.sub(
                rf"import service {service} \d+",
                f"import service {LOOPBACK} {self.ports[service]}",
                text,
            )
        file.write_text(text)
        others = folder / "etc" / "tls" / "others.caddy"
        others.write_text(others.read_text().replace(":443", f":{https}"))
        self.gateways[name] = https if tls == "internal" else http
        system = {"PATH": "", "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}
        return Program(
            name,
            [caddy, "run", "--config", str(file)],
            {**system, "TLS": tls, "PUBLIC_HOST": "localhost", "GOMEMLIMIT": "160MiB"},
            health=f"http://127.0.0.1:{health}/health",
        )

    def roots(self) -> dict[str, list[int]]:
        """Ids of processes by part. Raises StackError if one belongs to no part."""
        known = NOT_COUNTED.union(*PARTS.values())
        if strangers := self.processes.keys() - known:
            raise StackError(f"bench: of no part: {', '.join(sorted(strangers))}")
        return {
            part: [self._pid(name) for name in names if name in self.processes]
            for part, names in PARTS.items()
        }

    def _pid(self, name: str) -> int:
        pid = self.processes[name].pid
        if pid is None:
            raise StackError(f"bench: {name} has ended")
        return pid

    def add_people(self, number: int) -> list[str]:
        """Addresses of so many new accounts with ``PASSWORD``; all have the hash of the first."""
        first = f"first-{new_id()}@guests.example"
        body = {"email": first, "password": PASSWORD, "full_name": "Ada Lovelace"}
        httpx.post(f"{self.url('auth')}/api/v1/auth/register", json=body).raise_for_status()
        ids = [new_id() for _ in range(number)]
        self.sql(AUTH, statements.add_guests, ids=ids)
        self.sql(AUTH, statements.copy_password, ids=ids, email=first)
        return [f"guest-{one}@guests.example" for one in ids]

    def sign_in(self, email: str, port: int | None = None) -> dict[str, Any]:
        url = f"http://{LOOPBACK}:{port or self.ports['auth']}/api/v1/auth/login"
        answer = httpx.post(url, data={"username": email, "password": PASSWORD}, timeout=30)
        tokens: dict[str, Any] = answer.raise_for_status().json()
        return tokens

    def publish_hall(self, seats: int) -> str:
        """The id of an event with so many seats in rows of 20."""
        rows = [{"name": str(1 + row), "seats": 20} for row in range(seats // 20)]
        sections = [{"name": "Hall", "rows": rows}]
        seating = {"kind": "assigned", "sections": sections}
        return self.publish(seats, seating=seating, max_seats_per_user=100)

    def bookings_of(self, token: str) -> list[dict[str, Any]]:
        """As the person with this token sees them."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(f"{self.url('event')}/api/v1/bookings", headers=headers, timeout=30)
        items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
        return items

    def write_to_guests(self, event_id: str, *, preview: bool = False) -> int:
        """How many people it goes to."""
        message = {"subject": "Doors open at 18:30", "body": "Dear all,\n\ncome early!"}
        path = f"/events/{event_id}/messages" + "?preview=true" * preview
        headers = {"Idempotency-Key": str(new_id())}
        answer = self._organizer.post(path, json=message, headers=headers).raise_for_status()
        return int(answer.json()["guests"])

    def mails_so_far(self) -> int:
        [row] = self.sql(NOTIFICATION, statements.mails_so_far)
        return int(row.count)

    def wait_for_mails(self, number: int = 0) -> None:
        """Until there have been so many, every message is on its way and every mail is sent. Raises
        StackError."""
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while time.monotonic() < deadline:
            waiting = [
                *self.sql(AUTH, statements.messages_waiting),
                *self.sql(EVENT, statements.messages_waiting),
                *self.sql(NOTIFICATION, statements.mails_waiting),
            ]
            if not any(row.waiting for row in waiting) and self.mails_so_far() >= number:
                return
            # Seldom, so that the question does not cost what it measures.
            time.sleep(1)
        raise StackError("bench: mails do not go out")

    def sizes(self) -> dict[str, int]:
        """Bytes of each table with its indexes, and the position of the write-ahead log."""
        sizes = {
            f"{service.name}: {row.name}": row.bytes
            for service in (AUTH, EVENT, NOTIFICATION)
            for row in self.sql(service, statements.table_sizes)
        }
        [row] = self.sql(EVENT, statements.log_position)
        return {**sizes, "write-ahead log": int(row.bytes)}
