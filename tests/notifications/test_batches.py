"""Mails that are sent together."""

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from notification_service.delivery import prepare, send, service
from notification_service.delivery.claim import Claim
from notification_service.kinds.base import Payload
from tests.notifications.auth_server import AuthServerForTests, address_of
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message


async def test_a_batch_asks_for_its_recipients_once(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    batch = [make_message() for _ in range(5)]
    gone, malformed = make_message(), make_message("surprise")
    auth_server.accounts.special[gone["user_id"]] = None

    await mail_worker.receive(*batch, gone, batch[0], malformed, {})

    assert auth_server.accounts.requests == 1
    assert {address for mail in mail_worker.mails for address in mail.recipients} == {
        address_of(message["user_id"]) for message in batch
    }
    assert len(mail_worker.mails) == 5
    assert (await mail_worker.row(gone)).status == "dropped"
    assert (await mail_worker.row(malformed)).status == "failed"


async def test_one_bad_mail_of_a_batch_leaves_the_others_alone(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    batch = [make_message() for _ in range(3)]
    mail_server.answers("DATA", "hang", times=1)

    await mail_worker.receive(*batch)

    assert sorted([(await mail_worker.row(m)).status for m in batch]) == ["queued", "sent", "sent"]


# Time enough for the writing on a busy machine, and not for the mail server that hangs.
@pytest.mark.parametrize("smtp_timeout_seconds", [2.0])
async def test_what_a_slow_batch_does_not_get_to_is_due_at_once(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BATCH_SECONDS", 1.0)
    batch = [make_message() for _ in range(3)]
    mail_server.answers("DATA", "hang", times=1)

    await mail_worker.receive(*batch)

    assert len(mail_worker.mails) == 0
    assert len(await mail_worker.sweep()) == 2


async def test_what_is_not_tried_counts_as_no_attempt(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a server that hangs, a mail may be claimed many times before its turn: its first real
    failure must not look like the twentieth, after which it would wait for an hour."""
    message = make_message()
    mail_server.answers("RCPT", "451 Later", times=1)
    await mail_worker.receive(message)
    before = await mail_worker.row(message)

    monkeypatch.setattr(service, "BATCH_SECONDS", 0.0)
    for _ in range(3):
        await mail_worker.change(message, next_attempt_at="now()")
        await mail_worker.deliver(message)

    row = await mail_worker.row(message)
    assert (row.status, row.attempts, row.last_error) == ("queued", 1, before.last_error)
    assert row.last_error
    assert (row.timeline, row.give_up_at) == (before.timeline, before.give_up_at)


async def test_accounts_away_postpone_a_whole_batch(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    auth_server.accounts.is_away = True
    batch = [make_message() for _ in range(3)]

    await mail_worker.receive(*batch)

    assert {(await mail_worker.row(m)).status for m in batch} == {"queued"}


@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA"])
async def test_after_refusals_each_mail_still_goes_to_its_own_recipient(
    mail_worker: WorkerForTests,
    mail_server: MailServerForTests,
    auth_server: AuthServerForTests,
    at: str,
) -> None:
    batch = [make_message() for _ in range(6)]
    auth_server.accounts.special[batch[3]["user_id"]] = None
    mail_server.answers(at, "451 4.3.0 Later", times=2)

    await mail_worker.receive(*batch)

    statuses = sorted([(await mail_worker.row(message)).status for message in batch])
    assert statuses == ["dropped", "queued", "queued", "sent", "sent", "sent"]
    for mail in mail_worker.mails:
        [reader] = mail.recipients
        assert reader in mail.message["To"]
    assert len({mail.recipients[0] for mail in mail_worker.mails}) == len(mail_worker.mails) == 3


async def test_a_database_that_fails_in_the_midst_spoils_no_other_mail(
    mail_worker: WorkerForTests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The mail server has the sender of a mail that never followed: without RSET it would refuse the
    next mail's sender."""

    async def fail(*_: object, **__: object) -> bool:
        raise OSError("the database is away")

    await mail_worker.receive(make_message())
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(send, "may_send", fail)
        with pytest.raises(OSError, match="away"):
            await mail_worker.receive(make_message(), make_message())
    message = make_message()
    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == "sent"
    assert len(mail_worker.mails) == 2


async def test_a_defect_of_ours_spoils_no_other_mail(
    mail_worker: WorkerForTests,
    monkeypatch: pytest.MonkeyPatch,
    sentry_errors: list[BaseException],
) -> None:
    """Wherever it is: left to the task, it would end all mails of the batch, five times."""
    batch = [make_message() for _ in range(3)]
    defect = KeyError("a defect")

    def fail(claim: Claim, *_: object) -> tuple[Payload, int]:
        if str(claim.id) == batch[1]["id"]:
            raise defect
        assert claim.payload is not None
        return claim.payload, claim.version

    monkeypatch.setattr(prepare, "update_event", fail)
    await mail_worker.receive(*batch)

    statuses = [(await mail_worker.row(message)).status for message in batch]
    assert statuses == ["sent", "failed", "sent"]
    assert sentry_errors == [defect]


async def test_celerys_time_limit_is_no_defect_of_a_mail(
    mail_worker: WorkerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise SoftTimeLimitExceeded

    message = make_message()
    monkeypatch.setattr(prepare, "compose", fail)
    with pytest.raises(SoftTimeLimitExceeded):
        await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status == "sending"
