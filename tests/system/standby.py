"""A second PostgreSQL that follows a stack's, and an exporter beside it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from stack.ports import free_port
from stack.postgres import NOBODY, Postgres, _unprivileged
from stack.stack import Stack
from tests.processes import OneProcess
from tests.system.people import wait_until
from tests.system.prometheus import MONITORING_PASSWORD, REPLICATION, postgres_exporter


class Standby:
    def __init__(self, server: Postgres) -> None:
        self.server = server

    async def ask(self, statement: str) -> Any:
        connection = await asyncpg.connect(self.server.url())
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()


@contextmanager
def running_standby(stack: Stack, folder: Path, *, exporter_port: int) -> Iterator[Standby]:
    """Copies the stack's data and follows it; asked by Prometheus at ``exporter_port``."""
    password = stack.secrets["postgres"]
    primary = Postgres(folder, port=stack.ports["postgres"], password=password)
    data = folder / "standby"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(data, NOBODY, NOBODY)
    copy = ("--checkpoint=fast", "--write-recovery-conf", "--no-sync", f"--pgdata={data}")
    command = _unprivileged("pg_basebackup", f"--dbname={primary.url()}", *copy)
    subprocess.run(command, check=True, capture_output=True, cwd="/")
    server = Postgres(data, port=free_port(), password=password, durable=False)
    program = server.program()
    queries = folder / "queries.yml"
    queries.write_text(REPLICATION)
    listen = f"--web.listen-address=127.0.0.1:{exporter_port}"
    options = (f"--extend.query-path={queries}", listen)
    exporter = postgres_exporter(server.port, MONITORING_PASSWORD, *options)
    with OneProcess(program.command, program.environment, folder / "standby.log") as process:
        wait_until(server.accepts_connections, seconds=60, what="a standby")
        with OneProcess(*exporter, folder / "standby-exporter.log"):
            yield Standby(server)
        process.signal_group(program.stop_signal)
