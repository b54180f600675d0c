"""``python -m <service>.doctor [--repair]``: what is wrong in a service's database, in plain words.

It runs beside the service: each check is one statement, and what it finds broke a rule that every commit
keeps. ``--repair`` mends what can be mended while people are served. Exit code 1 if something is left.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from service_kit.database.cli import CommandFailed, run_command
from service_kit.database.engine import Database
from service_kit.database.errors import DATABASE_ERRORS, means_unavailable
from service_kit.database.sql_files import SqlConnection, SqlStatement
from service_kit.settings import SettingsT, load_settings

MAX_FOUND = 1_000
EXAMPLES = 3
# A check may read whole tables.
STATEMENT_SECONDS = 600.0
# A repair that did not mend anything in so many rounds is not going to.
MAX_ROUNDS = 10_000

Find = Callable[[Database], Awaitable[list[str]]]
Repair = Callable[[Database], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold.

    ``finding`` names what breaks it, as a plural ("holds that ended long ago and keep their seats").
    ``find`` answers the names of up to MAX_FOUND of these. ``repair`` mends all of them, and is safe while
    the service runs. ``advice`` is what a person can do about what is left.
    """

    finding: str
    find: Find
    advice: str
    repair: Repair | None = None


def rows_of(statement: SqlStatement, **values: object) -> Find:
    """Finds by a statement with the parameter ``:limit`` and the text column ``name``."""

    async def find(database: Database) -> list[str]:
        async def read(connection: SqlConnection) -> list[str]:
            rows = await statement.rows(connection, limit=MAX_FOUND, **values)
            return [row.name for row in rows]

        return await database.run_sql(read)

    return find


def repeated(*statements: SqlStatement) -> Repair:
    """Repairs by statements, one after the other, that mend a batch of up to ``:limit`` rows each: until
    they find none."""

    async def repair(database: Database) -> None:
        for statement in statements:
            mend = partial(statement.run, limit=MAX_FOUND)
            await until_done(partial(database.run_sql, mend))

    return repair


async def until_done(work: Callable[[], Awaitable[object]]) -> None:
    """Calls ``work`` as long as its result is true."""
    for _ in range(MAX_ROUNDS):
        if not await work():
            return


@dataclass(slots=True)
class Report:
    checks: int
    findings: int = 0
    left: int = 0

    def __str__(self) -> str:
        if not self.findings:
            return f"{self.checks} checks, nothing found"
        mended = self.findings - self.left
        return f"{self.checks} checks, {self.findings} with findings: {mended} mended, {self.left} left"


async def examine(
    database: Database, checks: Sequence[Check], *, is_repair: bool, say: Callable[[str], None]
) -> Report:
    """Runs all checks; a line for each that finds something."""
    report = Report(len(checks))
    for check in checks:
        found = await check.find(database)
        if not found:
            continue
        report.findings += 1
        line = f"{check.finding}: {_number_and_examples(found)}."
        if is_repair and check.repair is not None:
            found, trouble = await _mend(database, check)
            if not found:
                say(f"{line} Mended.")
                continue
            line += f" {_number_and_examples(found)} left{trouble}."
        report.left += 1
        hint = "--repair mends this." if check.repair is not None and not is_repair else ""
        say(" ".join(part for part in (line, check.advice, hint) if part))
    return report


async def _mend(database: Database, check: Check) -> tuple[list[str], str]:
    """What is left, and why, if PostgreSQL said so."""
    assert check.repair is not None
    trouble = ""
    try:
        await check.repair(database)
    except DATABASE_ERRORS as error:
        if not means_unavailable(error):
            raise
        trouble = ", because rows are in use: try again"
    return await check.find(database), trouble


def _number_and_examples(found: Sequence[str]) -> str:
    number = f"{MAX_FOUND} or more" if len(found) >= MAX_FOUND else str(len(found))
    more = ", ..." if len(found) > EXAMPLES else ""
    return f"{number} ({', '.join(found[:EXAMPLES])}{more})"


def run_doctor(
    package: str,
    settings_class: type[SettingsT],
    make_checks: Callable[[SettingsT], Sequence[Check]],
) -> None:
    """The body of ``python -m <package>.doctor``."""
    service = package.replace("_", "-")
    parser = argparse.ArgumentParser(
        prog=f"{package}.doctor", description=f"Looks for what is wrong in {service}'s database."
    )
    parser.add_argument("--repair", action="store_true", help="mend what can be mended safely")
    is_repair = parser.parse_args().repair
    settings = load_settings(settings_class)
    patient = settings.model_copy(update={"statement_timeout_seconds": STATEMENT_SECONDS})

    def say(line: str) -> None:
        print(f"{service}: {line}", flush=True)

    async def command(database: Database) -> str:
        report = await examine(database, make_checks(settings), is_repair=is_repair, say=say)
        if report.left:
            raise CommandFailed(f"{service}: {report}")
        return f"{service}: {report}"

    asyncio.run(run_command(package, "doctor", patient, command))
