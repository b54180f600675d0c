"""``scripts/schema-check``: the code of the release before works on the schema of this one.

While a deployment goes on, and after ``./scripts/rollback``, old processes use the migrated database. So
this migrates empty databases with the code of this checkout, and runs tests of the release before on
copies of them, with its code.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg

from stack import previous_release
from stack.errors import StackError
from stack.previous_release import NoPreviousRelease
from stack.programs import python
from stack.services import AUTH, EVENT, NOTIFICATION, SERVICES, Service
from stack.stack import ROOT
from stack.testing import own_folder, servers

PREFIX = "parterre-schema-"
SECONDS = 300.0
# What guests, organizers and the queue do. A release may be without one of them.
TESTS = (
    "tests/auth/test_registration.py",
    "tests/auth/test_sign_in.py",
    "tests/events/test_booking.py",
    "tests/events/test_cancellation.py",
    "tests/events/test_holds.py",
    "tests/events/test_own_waitlist.py",
    "tests/notifications/test_delivery.py",
)
FOLDERS = {AUTH: "tests/auth", EVENT: "tests/events", NOTIFICATION: "tests/notifications"}
SECRET = "a-secret-for-tests-that-is-long-enough"


def check(
    old: Path, variables: dict[str, str], *, new: Path = ROOT, tests: Sequence[str] = TESTS
) -> None:
    """Raises StackError with the failures if tests of the code below ``old`` fail on the schema that the
    migrations below ``new`` make. ``variables`` say where the servers of this run are."""
    existing = [name for name in tests if (old / name.partition("::")[0]).exists()]
    if not existing:
        raise StackError("the release before has none of the tests that would be run")
    url = variables["TEST_POSTGRES_URL"]
    services = [one for one in SERVICES if any(name.startswith(FOLDERS[one]) for name in existing)]
    heads = {service.name: _make_template(service, url, new, variables) for service in services}
    environment = previous_release.environment(old, os.environ | variables)
    _expect_code_of(old, services, environment)
    done = subprocess.run(
        python(
            "pytest", "-n", str(min(2, len(existing))), "-q", "-p", "no:cacheprovider", *existing
        ),
        env=environment,
        cwd=old,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    if done.returncode:
        raise StackError(
            f"the code of the release before fails on the schema of this one:\n{done.stdout}"
        )
    asyncio.run(_expect_heads(url, heads))


def _make_template(service: Service, url: str, new: Path, variables: dict[str, str]) -> str:
    """Migrates the database that the tests copy, before they would do so; returns the schema's head."""
    name = f"template_{service.name}"
    asyncio.run(_execute(url, f"CREATE DATABASE {name}"))
    database = f"{url.rpartition('/')[0]}/{name}"
    environment = previous_release.environment(new, os.environ) | {
        "ENVIRONMENT": "development",
        "DATABASE_URL": database.replace("postgresql://", "postgresql+asyncpg://", 1),
        "CACHE_REDIS_URL": variables["TEST_REDIS_URL"],
        "BROKER_URL": variables["TEST_REDIS_URL"],
        "SECRET_KEY": SECRET,
        "VERIFICATION_TOKEN_SECRET": f"{SECRET}-verification",
        "RESET_PASSWORD_TOKEN_SECRET": f"{SECRET}-reset",
    }
    done = subprocess.run(
        python(f"{service.package}.migrate"),
        env=environment,
        cwd=new,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StackError(f"{service.name}: the migrations fail:\n{done.stdout}{done.stderr}")
    return asyncio.run(_head(database))


def _expect_code_of(tree: Path, services: Sequence[Service], environment: dict[str, str]) -> None:
    """Raises StackError if processes with ``environment`` would run other code."""
    for service in services:
        done = subprocess.run(
            [sys.executable, "-c", f"import {service.package} as p; print(p.__file__)"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        if not Path(done.stdout.strip()).is_relative_to(tree):
            raise StackError(f"{service.package} is not that of the release before: {done.stdout}")


async def _expect_heads(url: str, heads: dict[str, str]) -> None:
    """Raises StackError if the tests have used databases that they migrated themselves."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT datname FROM pg_database")
    finally:
        await connection.close()
    copies = {row["datname"]: row["datname"].partition("_")[0] for row in rows}
    copies = {name: service for name, service in copies.items() if service in heads}
    used = {name: await _head(f"{url.rpartition('/')[0]}/{name}") for name in copies}
    if not used or any(head != heads[copies[name]] for name, head in used.items()):
        raise StackError(f"the tests used databases of their own: {used or 'none is found'}")


async def _head(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT version_num FROM alembic_version"))
    finally:
        await connection.close()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def run(wish: str) -> str:
    """Returns what is to be said of a release that passes. Raises NoPreviousRelease, StackError."""
    since = time.monotonic()
    commit = previous_release.find_release(ROOT, wish)
    with own_folder(PREFIX) as folder, servers(folder) as variables:
        old = folder / "release-before"
        previous_release.export(ROOT, commit, old)
        check(old, variables | {"TMPDIR": str(folder)})
    seconds = time.monotonic() - since
    return f"the code of {commit[:9]} works on the schema of this one ({seconds:.0f} s)"


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/schema-check", description=__doc__)
    parser.add_argument("commit", nargs="?", default=os.environ.get(previous_release.VARIABLE, ""))
    wish = parser.parse_args().commit
    try:
        print(f"schema-check: {run(wish)}")
    except NoPreviousRelease as error:
        print(f"schema-check: skipped: {error}")
        # Who names a release wants it tried.
        sys.exit(1 if wish else 0)
    except (StackError, subprocess.SubprocessError) as error:
        sys.exit(f"schema-check: {error}")


if __name__ == "__main__":
    main()
