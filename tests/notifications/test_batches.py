"""Mails that are sent together."""

import pytest

from notification_service.delivery import queries, service
from notification_service.rendering.mail import _quoted
from notification_service.rendering.templates import _wrapped
from tests.notifications.auth_server import AuthServerForTests, address_of
from tests.notifications.conftest import OfficeForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message


async def test_a_batch_asks_for_its_readers_once(
    office: OfficeForTests, auth_server: AuthServerForTests
) -> None:
    batch = [make_message() for _ in range(5)]
    gone, malformed = make_message(), make_message("surprise")
    auth_server.accounts.special[gone["user_id"]] = None

    await office.receive(*batch, gone, batch[0], malformed, {})

    assert auth_server.accounts.requests == 1
    assert {address for mail in office.mails for address in mail.recipients} == {
        address_of(message["user_id"]) for message in batch
    }
    assert len(office.mails) == 5
    assert (await office.row(gone)).status == "dropped"
    assert (await office.row(malformed)).status == "failed"


async def test_one_bad_mail_of_a_batch_leaves_the_others_alone(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    batch = [make_message() for _ in range(3)]
    mail_server.answers("DATA", "hang", times=1)

    await office.receive(*batch)

    assert sorted([(await office.row(m)).status for m in batch]) == ["queued", "sent", "sent"]


# Time enough for the writing on a busy machine, and not for the mail server that hangs.
@pytest.mark.parametrize("smtp_timeout_seconds", [2.0])
async def test_what_a_slow_batch_does_not_get_to_is_due_at_once(
    office: OfficeForTests, mail_server: MailServerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BATCH_SECONDS", 1.0)
    batch = [make_message() for _ in range(3)]
    mail_server.answers("DATA", "hang", times=1)

    await office.receive(*batch)

    assert len(office.mails) == 0
    assert len(await office.sweep()) == 2


async def test_accounts_away_postpone_a_whole_batch(
    office: OfficeForTests, auth_server: AuthServerForTests
) -> None:
    auth_server.accounts.is_away = True
    batch = [make_message() for _ in range(3)]

    await office.receive(*batch)

    assert {(await office.row(m)).status for m in batch} == {"queued"}


@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA"])
async def test_at_a_server_that_hears_ahead_each_mail_still_goes_to_its_own_reader(
    office: OfficeForTests,
    mail_server: MailServerForTests,
    auth_server: AuthServerForTests,
    at: str,
) -> None:
    mail_server.handler.extensions.append("250-PIPELINING")
    batch = [make_message() for _ in range(6)]
    auth_server.accounts.special[batch[3]["user_id"]] = None
    mail_server.answers(at, "451 4.3.0 Later", times=2)

    await office.receive(*batch)

    statuses = sorted([(await office.row(message)).status for message in batch])
    assert statuses == ["dropped", "queued", "queued", "sent", "sent", "sent"]
    for mail in office.mails:
        [reader] = mail.recipients
        assert reader in mail.message["To"]
    assert len({mail.recipients[0] for mail in office.mails}) == len(office.mails) == 3


@pytest.mark.parametrize("extensions", [[], ["250-PIPELINING"]], ids=["one by one", "at once"])
async def test_a_database_that_fails_in_the_midst_spoils_no_other_mail(
    office: OfficeForTests,
    mail_server: MailServerForTests,
    monkeypatch: pytest.MonkeyPatch,
    extensions: list[str],
) -> None:
    """The mail server was told of a mail that did not come: it would refuse the next one's sender."""
    mail_server.handler.extensions += extensions

    async def fail(*_: object, **__: object) -> bool:
        raise OSError("the database is away")

    await office.receive(make_message())
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(queries, "may_send", fail)
        with pytest.raises(OSError, match="away"):
            await office.receive(make_message(), make_message())
    message = make_message()
    await office.receive(message)

    assert (await office.row(message)).status == "sent"
    assert len(office.mails) == 2


async def test_nothing_of_what_readers_are_called_is_kept(office: OfficeForTests) -> None:
    """The lines and paragraphs that mails may have in common hold names, codes and links too."""
    await office.receive(make_message(), make_message("reset-password"))
    assert len(office.mails) == 2
    assert (_quoted.cache_info().currsize, _wrapped.cache_info().currsize) == (0, 0)
