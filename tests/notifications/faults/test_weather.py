"""A mail server and accounts that come and go."""

import pytest

from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.faults.conftest import IS_FULL
from tests.notifications.faults.road import Road, until
from tests.notifications.mail_server import MailServerForTests

MAILS = 200 if IS_FULL else 20

pytestmark = pytest.mark.xdist_group("faults-1")


async def test_whatever_the_mail_server_does_all_mails_come(
    road: Road, mail_server: MailServerForTests
) -> None:
    """Refusing, hanging, hanging up, 4xx: while each lasts nothing is sent, afterwards all."""
    await road.worker()
    kept_twice = 0
    async with road.in_use():
        mail_server.stop()
        await road.ask(MAILS)
        await until(lambda: waits_for(road, "could not be reached"), "it is found to be away")
        mail_server.start()
        for at, answer, times in (
            ("MAIL", "hang", 3), ("DATA", "drop", 3), ("DATA", "451 4.7.1 Later", MAILS),
            ("RCPT", "452 4.2.2 Full", MAILS), ("DATA", "drop-after-taking", 2),
        ):  # fmt: skip
            mail_server.answers(at, answer, times=times)
            await road.ask(MAILS)
            await until(lambda: mail_server.handler.script.times <= 0, f"{answer} is over")
            kept_twice += times if answer == "drop-after-taking" else 0
        await until(road.all_sent, "all mails are sent")

    road.report("a mail server with a bad day")
    assert road.lost == 0
    # What it took without a word came again, under the same Message-ID.
    assert road.doubled == kept_twice


async def test_while_accounts_are_away_mails_wait(
    road: Road, auth_server: AuthServerForTests, mail_server: MailServerForTests
) -> None:
    await road.worker()
    async with road.in_use():
        auth_server.accounts.is_away = True
        await road.ask(MAILS)
        await until(lambda: waits_for(road, "accounts could not be asked"), "all wait")
        assert mail_server.taken == []
        auth_server.accounts.is_away = False
        await until(road.all_sent, "all mails are sent")

    road.report("auth-service away")
    assert (road.lost, road.doubled) == (0, 0)


async def waits_for(road: Road, reason: str) -> bool:
    return len(await road.reasons(reason)) == len(road.messages)
