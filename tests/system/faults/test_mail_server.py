"""A mail server and accounts that come and go."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.system.conftest import SentryRecorder
from tests.system.faults.pipeline import IS_FULL, Pipeline, until

MAILS = 200 if IS_FULL else 10
TAKEN_WITHOUT_A_WORD = 2
REFUSED = 5
INSISTENT = "tests.system.faults.mutants.insistent"
NOTIFICATION = re.compile(rb'"notification_id": ?"([^"]+)"')


@dataclass
class Trouble:
    """What is wrong, from ``begin`` to ``end``; ``doubled`` is how many copies it may cost."""

    what: str
    begin: Callable[[], None]
    end: Callable[[], None]
    doubled: int = 0


@pytest.fixture
def troubles(mail_server: MailServerForTests, auth_server: AuthServerForTests) -> list[Trouble]:
    def answering(what: str, at: str, answer: str, doubled: int = 0) -> Trouble:
        times = doubled or 10**9
        return Trouble(
            what,
            lambda: mail_server.answers(at, answer, times=times),
            mail_server.is_well,
            doubled,
        )

    def accounts_away(is_away: bool) -> None:
        auth_server.accounts.is_away = is_away

    return [
        Trouble("SMTP refuses connections", mail_server.stop, mail_server.start),
        answering("SMTP hangs", "MAIL", "hang"),
        answering("SMTP drops the line at DATA", "DATA", "drop"),
        answering(
            "SMTP drops the line after it took a mail",
            "DATA",
            "drop-after-taking",
            doubled=TAKEN_WITHOUT_A_WORD,
        ),
        answering("SMTP answers 4xx", "DATA", "451 4.7.1 Later"),
        Trouble("auth-service away", lambda: accounts_away(True), lambda: accounts_away(False)),
    ]


async def go_through(pipeline: Pipeline, trouble: Trouble) -> None:
    """Mails are asked for, and each has met the trouble when it ends."""
    pipeline.start_counting()
    trouble.begin()
    await pipeline.ask(MAILS)
    if trouble.doubled:
        await until(
            lambda: pipeline.mail_server.handler.script.times <= 0, f"{trouble.what} is over"
        )
    else:
        await until(pipeline.all_postponed, f"all have met: {trouble.what}")
    trouble.end()


async def test_whatever_is_away_all_mails_come_afterwards(
    pipeline: Pipeline, troubles: list[Trouble]
) -> None:
    await pipeline.worker()
    async with pipeline.in_use():
        for trouble in troubles:
            await go_through(pipeline, trouble)
            await until(pipeline.all_sent, f"all are sent after: {trouble.what}")
            pipeline.report(trouble.what)
            assert (pipeline.lost, pipeline.doubled) == (0, trouble.doubled)


async def test_without_the_sweep_nothing_comes_afterwards(
    pipeline: Pipeline, troubles: list[Trouble]
) -> None:
    """The negative control."""
    await pipeline.worker()
    async with pipeline.in_use(sweeps=False):
        for trouble in troubles:
            await go_through(pipeline, trouble)
            await pipeline.ask_until_one_is_sent()
            pipeline.report(trouble.what, without="sweep")
            assert trouble.doubled or pipeline.lost > 0


@pytest.mark.parametrize("is_final", [True, False])
async def test_what_is_refused_for_good_fails_and_is_told_once(
    pipeline: Pipeline, own_sentry: SentryRecorder, mail_server: MailServerForTests, is_final: bool
) -> None:
    """In the second case the worker takes a refusal for good for one that passes."""
    module = "notification_service.tasks" if is_final else INSISTENT
    worker = await pipeline.worker(module=module)
    mail_server.answers("RCPT", "550 5.1.1 Unknown")
    asked = mail_server.handler.asked
    async with pipeline.in_use():
        await pipeline.ask(REFUSED)
        if is_final:
            await until(pipeline.all_failed, "they have failed")
        else:
            await until(lambda: asked["RCPT"] > 2 * REFUSED, "the worker insists")
        # It tells Sentry what it has to tell before it ends.
        await asyncio.to_thread(worker.ask_to_end)

    failed = REFUSED if is_final else 0
    pipeline.report("SMTP answers 5xx", without="" if is_final else "an end of it", failed=failed)
    told = Counter(NOTIFICATION.findall(b"".join(own_sentry.envelopes)))
    assert (asked["RCPT"] == REFUSED) == is_final
    assert sorted(told.values()) == [1] * failed
