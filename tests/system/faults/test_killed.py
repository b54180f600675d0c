"""Workers that are killed, frozen, or asked to end."""

import asyncio
import random
import signal
from functools import partial

import pytest

from tests.notifications.mail_server import MailServerForTests
from tests.system.faults.pipeline import IS_FULL, PATIENT, Pipeline, until

MAILS, KILLS = (1000, 20) if IS_FULL else (80, 4)


def has_received(mail_server: MailServerForTests, count: int) -> bool:
    return len(mail_server.received) >= count


async def test_killed_again_and_again_no_mail_is_lost(
    pipeline: Pipeline, mail_server: MailServerForTests
) -> None:
    """By turns a process of the worker, in the midst of a mail, and the whole worker."""
    worker = await pipeline.worker()
    async with pipeline.in_use():
        await pipeline.ask(MAILS)
        for kill in range(KILLS):
            goal = MAILS * (kill + 1) // (KILLS + 1)
            await until(partial(has_received, mail_server, goal), "some mails are sent")
            if kill % 2:
                worker.kill()
                worker = await pipeline.worker()
            else:
                random.choice(worker.children).send_signal(signal.SIGKILL)
        await until(pipeline.all_sent, "all mails are sent")

    pipeline.report(f"the worker killed {KILLS} times")
    assert pipeline.lost == 0
    assert pipeline.doubled <= KILLS


@pytest.mark.parametrize(
    ("module", "without"),
    [
        ("tests.system.faults.mutants.sleeper", ""),
        ("tests.system.faults.mutants.no_fence", "fence"),
    ],
)
async def test_who_sleeps_through_its_lease_does_not_send(
    pipeline: Pipeline, mail_server: MailServerForTests, module: str, without: str
) -> None:
    """Frozen when all but the mail itself has been said; the second case has no fence."""
    sleeper = await pipeline.worker(module=module)
    async with pipeline.in_use():
        await pipeline.ask(1)
        await until(lambda: sleeper.is_frozen, "the worker has stopped itself")
        assert mail_server.handler.asked["RCPT"] == 1
        await pipeline.worker()
        await until(pipeline.all_sent, "another has sent the mail")
        sleeper.thaw()
        end = "mail.attempted" if without else "mail.lease_lost"
        await until(lambda: sleeper.says(end), "the sleeper has ended its attempt")

    pipeline.report("the worker frozen for longer than its lease", without=without)
    assert (pipeline.lost, pipeline.doubled) == (0, 1 if without else 0)


async def test_who_is_asked_to_end_finishes_its_mails(
    pipeline: Pipeline, mail_server: MailServerForTests
) -> None:
    """SIGTERM to the whole group, as systemd sends it. No sweep helps: nothing is left half-done."""
    worker = await pipeline.worker(**PATIENT)
    async with pipeline.in_use(sweeps=False, reconciles=False):
        await pipeline.ask(MAILS // 2)
        await until(lambda: len(mail_server.received) >= 5, "some mails are sent")
        assert await asyncio.to_thread(worker.ask_to_end) == 0
        assert await pipeline.count_under_way() == 0
        await pipeline.worker(**PATIENT)
        await until(pipeline.all_sent, "all mails are sent")

    pipeline.report("SIGTERM under load")
    assert (pipeline.lost, pipeline.doubled) == (0, 0)


@pytest.mark.by_chance
async def test_without_a_warning_mails_are_left_half_done(
    pipeline: Pipeline, mail_server: MailServerForTests
) -> None:
    """The negative control, of the kills as well: SIGKILL, and nobody looks after what it left."""
    mail_server.answers("DATA", "hang")
    worker = await pipeline.worker()
    async with pipeline.in_use(sweeps=False, reconciles=False):
        await pipeline.ask(MAILS // 2)
        await until(lambda: mail_server.handler.asked["DATA"] > 0, "a mail is under way")
        worker.kill()
        mail_server.is_well()
        assert await pipeline.count_under_way() > 0
        await pipeline.worker()
        await pipeline.ask_until_one_is_sent()

    pipeline.report("SIGTERM under load", without="SIGTERM: killed")
    pipeline.report("the worker killed once", without="sweep, reconciler")
    assert pipeline.lost > 0
