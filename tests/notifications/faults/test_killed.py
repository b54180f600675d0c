"""Workers that are killed, frozen, or asked to end."""

import random
import signal

import pytest

from tests.notifications.faults.conftest import IS_FULL
from tests.notifications.faults.road import Road, until
from tests.notifications.mail_server import MailServerForTests

MAILS, KILLS = (1000, 20) if IS_FULL else (80, 4)

pytestmark = pytest.mark.xdist_group("faults-1")


async def test_killed_again_and_again_no_mail_is_lost(
    road: Road, mail_server: MailServerForTests
) -> None:
    """By turns a process of the worker, in the midst of a mail, and the whole worker."""
    worker = await road.worker()
    async with road.in_use():
        await road.ask(MAILS)
        for kill in range(KILLS):
            goal = MAILS * (kill + 1) // (KILLS + 1)
            await until(lambda: len(mail_server.taken) >= goal, "some mails are sent")  # noqa: B023
            if kill % 2:
                worker.kill()
                worker = await road.worker()
            else:
                random.choice(worker.children).send_signal(signal.SIGKILL)
        await until(road.all_sent, "all mails are sent")

    road.report(f"killed {KILLS} times")
    assert road.lost == 0
    assert road.doubled <= KILLS


async def test_without_sweep_and_reconciler_a_kill_loses_mails(
    road: Road, mail_server: MailServerForTests
) -> None:
    """The negative control: what the killed worker held stays where it was."""
    mail_server.answers("RCPT", "hang")
    worker = await road.worker()
    async with road.in_use(sweeps=False, reconciles=False):
        await road.ask(20)
        await until(lambda: mail_server.handler.asked["RCPT"] > 0, "a mail is under way")
        worker.kill()
        mail_server.is_well()
        await road.worker()
        [marker] = await road.ask(1)
        await until(lambda: len(road.copies) > 0, "what came later is sent")

    road.report("killed, without sweep and reconciler")
    assert road.lost > 0


@pytest.mark.parametrize(
    ("module", "doubled"),
    [("notification_service.worker", 0), ("tests.notifications.faults.worker_without_fence", 1)],
)
async def test_who_sleeps_through_its_lease_does_not_send(
    road: Road, mail_server: MailServerForTests, module: str, doubled: int
) -> None:
    """Frozen when all but the mail itself has been said; the second case has no fence."""
    sleeper = await road.worker(module=module)

    def freeze() -> None:
        mail_server.handler.on_rcpt = None
        sleeper.freeze()

    mail_server.handler.on_rcpt = freeze
    async with road.in_use():
        await road.ask(1)
        await until(lambda: mail_server.handler.on_rcpt is None, "the worker is frozen")
        await road.worker()
        await until(road.all_sent, "another has sent the mail")
        sleeper.thaw()
        await until(
            lambda: sleeper.says("mail.attempted") or sleeper.says("mail.lease_lost"),
            "the sleeper has ended its attempt",
        )

    road.report(f"frozen for longer than the lease, {module.rpartition('.')[2]}")
    assert (road.lost, road.doubled) == (0, doubled)


@pytest.mark.parametrize("is_asked", [True, False])
async def test_who_is_asked_to_end_finishes_its_mails(
    road: Road, mail_server: MailServerForTests, is_asked: bool
) -> None:
    """SIGTERM to the whole group, as systemd sends it; the second case is killed instead."""
    worker = await road.worker()
    async with road.in_use(sweeps=False):
        await road.ask(40)
        await until(lambda: len(mail_server.taken) >= 5, "some mails are sent")
        if is_asked:
            assert worker.ask_to_end() == 0
        else:
            mail_server.answers("DATA", "hang")
            asked = mail_server.handler.asked["DATA"]
            await until(lambda: mail_server.handler.asked["DATA"] > asked, "a mail is under way")
            worker.kill()
            mail_server.is_well()
        under_way = (await road.statuses())["sending"]
        assert (under_way == 0) == is_asked
        if is_asked:
            await road.worker()
            await until(road.all_sent, "all mails are sent")
            road.report("SIGTERM under load")
            assert (road.lost, road.doubled) == (0, 0)
