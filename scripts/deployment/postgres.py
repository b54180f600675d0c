"""PostgreSQL's own programs, run where PostgreSQL runs: a host needs none of them."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import IO, Self

from deployment.engine import Engine, run
from deployment.errors import CommandFailed

SUPERUSER = "postgres"
QUERY_SECONDS = 3600.0
_END = "-- end of answer --"
_NICE = ("nice", "-n", "19")
# Unaligned rows without headings, columns parted by tabs; the first error ends psql.
_PSQL = ("psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1")


@dataclass(frozen=True)
class Server:
    """``prefix`` is the beginning of each command line, such as ``docker exec -i ID``."""

    prefix: tuple[str, ...]

    def command(self, program: str, *arguments: str) -> list[str]:
        """Of one that packs or unpacks: whoever is served has the processors before it."""
        return [*self.prefix, *_NICE, program, f"--username={SUPERUSER}", *arguments]

    def psql(self, database: str) -> list[str]:
        return [*self.prefix, *_PSQL, f"--username={SUPERUSER}", f"--dbname={database}"]

    def query(self, sql: str, database: str = "postgres") -> list[list[str]]:
        """Rows of columns as text. Raises CommandFailed."""
        output = run(self.psql(database), seconds=QUERY_SECONDS, stdin=sql.encode())
        return [line.split("\t") for line in output.splitlines()]

    def value(self, sql: str, database: str = "postgres") -> str:
        """The first column of the first row; empty if there is none."""
        rows = self.query(sql, database)
        return rows[0][0] if rows else ""

    def free_bytes(self) -> int:
        """Of the disk on which PostgreSQL has its data."""
        folder = self.value("SHOW data_directory")
        lines = run([*self.prefix, "df", "-Pk", folder], seconds=60).splitlines()
        return int(lines[-1].split()[3]) * 1024


def server_of(engine: Engine) -> Server:
    """That of the Compose stack. Raises CommandFailed if it does not run."""
    return Server(("docker", "exec", "-i", engine.running("postgres").id))


class Session:
    """A psql that stays open, and with it its transaction. Use it in ``with``."""

    def __init__(self, server: Server, database: str) -> None:
        self.database = database
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            server.psql(database),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    def send(self, sql: str) -> None:
        """Begins statements whose answer ``answer`` waits for."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{sql};\n\\echo {_END}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None

    def answer(self) -> list[list[str]]:
        assert self._process.stdout is not None
        rows: list[list[str]] = []
        for line in self._process.stdout:
            text = line.decode().rstrip("\n")
            if text == _END:
                return rows
            rows.append(text.split("\t"))
        raise self._failure()

    def ask(self, sql: str) -> list[list[str]]:
        self.send(sql)
        return self.answer()

    def _failure(self) -> CommandFailed:
        self._process.wait()
        return CommandFailed(f"PostgreSQL ({self.database}): {_text(self._errors) or 'psql ended'}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()


@dataclass(frozen=True)
class Part:
    """A command of a pipeline, with what it finds in its environment beside our own."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)


@contextmanager
def pipeline(*parts: Part, source: IO[bytes] | None = None) -> Iterator[IO[bytes]]:
    """Output of the last of several commands, each of which reads the output of the one before.

    Raises CommandFailed at the end if one of them has failed. If the block raises, all of them end.
    """
    with ExitStack() as stack:
        started: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = []
        output = source
        for part in parts:
            errors: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(
                part.command,
                stdin=output or subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **part.environment},
            )
            stack.callback(_end, process)
            if output is not None and output is not source:
                # Its reader alone has it now, so that the writer notices when the reader ends.
                output.close()
            assert process.stdout is not None
            output = stack.enter_context(process.stdout)
            started.append((process, errors))
        assert output is not None
        yield output
        output.read()
        failures = [
            f"{_name(process.args)} failed: {_text(errors)}"
            for process, errors in started
            if process.wait() != 0
        ]
        if failures:
            # One that fails ends its neighbours.
            raise CommandFailed("; ".join(failures))


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.kill()
    process.wait()


def _name(arguments: object) -> str:
    words = [str(word) for word in arguments] if isinstance(arguments, list) else []
    known = ("pg_dump", "pg_restore", "psql", "openssl", "tar")
    return next((word for word in words if word in known), words[0] if words else "")


def _text(errors: IO[bytes]) -> str:
    errors.seek(0)
    return " ".join(errors.read(4000).decode(errors="replace").split())
