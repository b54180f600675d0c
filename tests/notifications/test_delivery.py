"""One mail's way from the queue to the mail server."""

import asyncio
import re
from datetime import timedelta
from email.message import EmailMessage
from uuid import UUID, uuid4

import asyncpg
import pytest

from notification_service.delivery import queries, service
from notification_service.delivery.reception import erase_user
from notification_service.messages.contents import KINDS
from service_kit.clock import utc_now
from tests.notifications.auth_server import AuthServerForTests, address_of
from tests.notifications.conftest import OfficeForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_erasure, make_message

# Where the mail server takes its time: something else happens meanwhile, and that may take long on a
# busy machine.
patient = pytest.mark.parametrize("smtp_timeout_seconds", [10.0])
LAPSE = {"lease_until": "now() - interval '1 second'"}


def plain_text(message: EmailMessage) -> str:
    """The text part as a person reads it, whatever encoding it travelled in."""
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"verify-email", "email-change-notice"}))
async def test_a_message_of_every_kind_becomes_a_mail(office: OfficeForTests, kind: str) -> None:
    message = make_message(kind)

    await office.receive(message)

    [mail] = office.mails
    assert mail.recipients == [address_of(message["user_id"])]
    row = await office.row(message)
    assert (row.status, row.attempts, row.last_error) == ("sent", 1, None)
    assert [step["status"] for step in row.timeline] == ["queued", "sending", "sent"]


async def test_a_message_that_comes_again_makes_no_second_mail(office: OfficeForTests) -> None:
    message = make_message()

    for _ in range(3):
        await office.receive(message)

    assert len(office.mails) == 1


async def test_a_known_key_under_a_new_id_makes_no_second_mail(office: OfficeForTests) -> None:
    first = make_message(dedup_key="booking-confirmed:1")
    again = make_message(dedup_key="booking-confirmed:1")

    await office.receive(first)
    await office.receive(again)

    assert len(office.mails) == 1


async def test_the_message_id_is_of_the_key_and_not_of_the_attempt(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    message = make_message()
    mail_server.answers("DATA", "drop-after-taking", times=1)

    await office.receive(message)
    await office.change(message, next_attempt_at="now()")
    await office.work_off()

    first, copy = office.mails
    assert first.message_id == copy.message_id
    assert re.fullmatch(r"<[0-9a-f]{32}@parterre\.example>", first.message_id)


async def test_the_connection_is_kept(office: OfficeForTests) -> None:
    await office.receive(make_message())
    kept = office.office.mail_server._smtp
    await office.receive(make_message())

    assert office.office.mail_server._smtp is kept


async def test_a_connection_that_the_server_closed_is_replaced(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    await office.receive(make_message())
    mail_server.stop()
    mail_server.start()

    message = make_message()
    await office.receive(message)

    assert (await office.row(message)).status == "sent"


async def test_a_permanent_refusal_fails_at_once_and_is_told_once(
    office: OfficeForTests, mail_server: MailServerForTests, told: list[BaseException]
) -> None:
    message = make_message()
    address = address_of(message["user_id"])
    mail_server.answers("RCPT", f"550 5.1.1 {address} is unknown here")

    await office.receive(message)
    await office.change(message, next_attempt_at="now()")
    await office.receive(message)

    row = await office.row(message)
    assert (row.status, row.attempts) == ("failed", 1)
    assert row.last_error == "The mail server refused the mail for good (550 5.1.1)."
    assert address not in str(row.timeline)
    assert len(told) == 1
    mail_server.is_well()
    other = make_message()
    await office.receive(other)
    assert (await office.row(other)).status == "sent"


@pytest.mark.parametrize("at", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("answer", ["451 4.7.1 Later", "hang", "drop"])
async def test_a_passing_trouble_postpones_the_mail(
    office: OfficeForTests, mail_server: MailServerForTests, at: str, answer: str
) -> None:
    message = make_message()
    mail_server.answers(at, answer)

    await office.receive(message)

    row = await office.row(message)
    assert row.status == "queued"
    assert row.last_error is not None
    assert row.next_attempt_at > utc_now() + timedelta(seconds=0.5)
    assert row.give_up_at is not None
    assert row.give_up_at > utc_now() + timedelta(hours=23)
    # Before its time it is not tried again, whoever asks.
    await office.deliver(message)
    assert (await office.row(message)).attempts == 1


async def test_it_is_sent_when_the_server_is_back(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    message = make_message()
    mail_server.stop()
    await office.receive(message)
    assert (await office.row(message)).last_error == "The mail server could not be reached."

    mail_server.start()
    office.office.mail_server._outage._until = 0.0
    await office.change(message, next_attempt_at="now()")
    await office.work_off()

    row = await office.row(message)
    assert (row.status, row.attempts) == ("sent", 2)
    assert len(office.mails) == 1


async def test_an_outage_costs_one_mail_its_timeout_and_not_each(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    mail_server.answers("MAIL", "hang")

    for _ in range(3):
        await office.receive(make_message())

    assert mail_server.handler.asked["MAIL"] == 1


async def test_after_a_day_it_is_given_up(
    office: OfficeForTests, mail_server: MailServerForTests, told: list[BaseException]
) -> None:
    message = make_message()
    mail_server.answers("DATA", "451 Later")
    await office.receive(message)
    await office.change(message, next_attempt_at="now()", give_up_at="now()")

    await office.work_off()

    row = await office.row(message)
    assert row.status == "failed"
    assert row.last_error is not None
    assert row.last_error.startswith("Given up after 24 hours.")
    assert len(told) == 1


async def test_accounts_away_postpone_the_mail(
    office: OfficeForTests, auth_server: AuthServerForTests
) -> None:
    auth_server.accounts.is_away = True
    message = make_message()

    await office.receive(message)

    row = await office.row(message)
    assert row.status == "queued"
    assert row.last_error == "The accounts could not be asked for the address."


async def test_who_is_gone_gets_no_mail_and_is_forgotten(
    office: OfficeForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message()
    auth_server.accounts.special[message["user_id"]] = None

    await office.receive(message)

    row = await office.row(message)
    assert (row.status, row.data) == ("dropped", {})
    assert office.mails == []


async def test_a_closed_account_gets_no_mail(
    office: OfficeForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message()
    auth_server.accounts.special[message["user_id"]] = {"is_active": False}

    await office.receive(message)

    assert (await office.row(message)).status == "dropped"


async def test_an_address_that_is_none_fails(
    office: OfficeForTests, auth_server: AuthServerForTests, told: list[BaseException]
) -> None:
    message = make_message()
    auth_server.accounts.special[message["user_id"]] = {"email": "nobody"}

    await office.receive(message)

    assert (await office.row(message)).status == "failed"
    assert len(told) == 1


async def test_a_new_address_is_verified_where_it_is(
    office: OfficeForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message("verify-email", data={"address": "pending"})
    auth_server.accounts.special[message["user_id"]] = {"pending_email": "new@guests.example"}

    await office.receive(message)

    [mail] = office.mails
    assert mail.recipients == ["new@guests.example"]
    assert "https://parterre.example/#/verify?token=verify-email-1" in plain_text(mail.message)


@pytest.mark.parametrize("data", [{}, {"address": "pending"}])
async def test_nobody_is_asked_to_verify_what_is_verified(
    office: OfficeForTests, data: dict[str, str]
) -> None:
    message = make_message("verify-email", data=data)

    await office.receive(message)

    assert (await office.row(message)).status == "dropped"


async def test_a_link_is_minted_for_each_attempt_and_kept_nowhere(
    office: OfficeForTests, auth_server: AuthServerForTests, mail_server: MailServerForTests
) -> None:
    message = make_message("reset-password")
    mail_server.answers("DATA", "451 Later", times=1)

    await office.receive(message)
    await office.change(message, next_attempt_at="now()")
    await office.work_off()

    [mail] = office.mails
    assert "token=reset-password-2" in plain_text(mail.message)
    row = await office.row(message)
    assert "token" not in f"{row.data}{row.timeline}{row.last_error}"


@pytest.mark.parametrize(
    ("kind", "late"),
    [
        ("event-reminder", {"starts_at": "2020-01-01T10:00:00Z"}),
        ("event-changed", {"ends_at": "2020-01-01T10:00:00Z"}),
    ],
)
async def test_what_comes_too_late_is_dropped(
    office: OfficeForTests, kind: str, late: dict[str, str]
) -> None:
    message = make_message(kind)
    message["data"]["event"] |= late

    await office.receive(message)

    assert (await office.row(message)).status == "dropped"


async def test_an_offer_that_has_ended_is_dropped(office: OfficeForTests) -> None:
    message = make_message("waitlist-offer", data={"expires_at": "2020-01-01T10:00:00Z"})

    await office.receive(message)

    assert (await office.row(message)).status == "dropped"


async def test_a_mail_that_cannot_be_written_fails_and_blocks_nobody(
    office: OfficeForTests, told: list[BaseException]
) -> None:
    """Year 9999 overflows in Auckland: a fault of ours, if an event ever gets there."""
    message = make_message()
    end = {"starts_at": "9999-12-31T23:00:00Z", "ends_at": "9999-12-31T23:30:00Z"}
    message["data"]["event"] |= end | {"timezone": "Pacific/Auckland"}
    other = make_message()

    await office.receive(message)
    await office.receive(other)

    row = await office.row(message)
    assert (row.status, row.last_error) == (
        "failed",
        "The mail could not be written; this is our fault.",
    )
    assert [type(error) for error in told] == [OverflowError]
    assert (await office.row(other)).status == "sent"


async def test_a_worker_that_died_is_followed_by_another(office: OfficeForTests) -> None:
    message = make_message()
    await office.receive(message)
    # As if it had died between its two commits.
    await office.change(message, status="'sending'", sent_at="NULL", **LAPSE)

    assert await office.work_off() == 1

    row = await office.row(message)
    assert (row.status, row.crashes, row.attempts) == ("sent", 1, 2)
    assert "The sending process did not report back." in [s["note"] for s in row.timeline]


async def test_a_worker_that_lives_is_left_alone(office: OfficeForTests) -> None:
    message = make_message()
    await office.receive(message)
    alive = {"lease_until": "now() + interval '20 seconds'"}
    await office.change(message, status="'sending'", sent_at="NULL", **alive)

    assert await office.sweep() == []
    await office.receive(message)
    await office.deliver(message)

    assert len(office.mails) == 1


async def test_what_is_on_the_queue_is_not_put_there_again(office: OfficeForTests) -> None:
    message = make_message()
    await office.receive(message)
    await office.change(message, status="'queued'", sent_at="NULL")

    assert await office.sweep() == [UUID(message["id"])]
    assert await office.sweep() == []
    await office.change(message, **LAPSE)
    assert await office.sweep() == [UUID(message["id"])]


async def test_a_mail_that_kills_each_worker_is_given_up(
    office: OfficeForTests, told: list[BaseException]
) -> None:
    message = make_message()
    await office.receive(message)
    for _ in range(5):
        await office.change(message, status="'sending'", sent_at="NULL", **LAPSE)
        assert await office.sweep() == [UUID(message["id"])]
    mails = len(office.mails)

    await office.deliver(message)

    row = await office.row(message)
    assert row.status == "failed"
    assert len(office.mails) == mails
    assert len(told) == 1


async def test_erasure_drops_what_waits_and_forgets_the_rest(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    user_id = uuid4()
    sent, waiting = make_message(user_id=user_id), make_message("hold-expired", user_id=user_id)
    stranger = make_message()
    await office.receive(sent)
    await office.receive(stranger)
    mail_server.answers("DATA", "451 Later")
    await office.receive(waiting)

    await erase_user(office.office, make_erasure(user_id))

    rows = [await office.row(message) for message in (sent, waiting, stranger)]
    assert [row.status for row in rows] == ["sent", "dropped", "sent"]
    assert [bool(row.data) for row in rows] == [False, False, True]


@patient
async def test_a_mail_under_way_is_stopped_by_an_erasure(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    """The erasure comes when everything but the mail itself has been said."""
    message = make_message()
    erase = (
        "UPDATE notifications SET status = 'dropped', fence = fence + 1, lease_until = NULL"
        f" WHERE user_id = '{message['user_id']}'"
    )
    mail_server.handler.on_rcpt = lambda: execute_elsewhere(office, erase)

    await office.receive(message)

    assert office.mails == []
    assert (await office.row(message)).status == "dropped"


@patient
async def test_a_mail_whose_lease_passed_on_is_not_sent(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    message = make_message()
    lapse = "UPDATE notifications SET lease_until = now() + interval '0.1 second'"
    mail_server.handler.on_rcpt = lambda: execute_elsewhere(office, lapse)

    await office.receive(message)

    assert office.mails == []
    assert (await office.row(message)).status == "sending"


@patient
async def test_without_its_guard_it_would_be_sent(
    office: OfficeForTests, mail_server: MailServerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the two above."""

    async def always(*_: object, **__: object) -> bool:
        return True

    monkeypatch.setattr(queries, "may_send", always)
    lapse = "UPDATE notifications SET lease_until = now()"
    mail_server.handler.on_rcpt = lambda: execute_elsewhere(office, lapse)

    await office.receive(make_message())

    assert len(office.mails) == 1


def execute_elsewhere(office: OfficeForTests, statement: str) -> None:
    """In another thread, while the office waits for the mail server."""
    url = office.office.settings.database_url.get_secret_value().replace("+asyncpg", "")

    async def execute() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute())


@pytest.mark.parametrize(("pending", "status"), [("new@guests.example", "sent"), (None, "dropped")])
async def test_the_present_address_is_told_of_a_change_while_it_is_present(
    office: OfficeForTests, auth_server: AuthServerForTests, pending: str | None, status: str
) -> None:
    message = make_message("email-change-notice")
    auth_server.accounts.special[message["user_id"]] = {"pending_email": pending}

    await office.receive(message)

    assert (await office.row(message)).status == status
    told = [address for mail in office.mails for address in mail.recipients]
    assert told == ([address_of(message["user_id"])] if status == "sent" else [])


async def test_an_address_that_changes_meanwhile_is_asked_for_again(
    office: OfficeForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message("reset-password")
    auth_server.accounts.link_problems.append("address-changed")

    await office.receive(message)
    waiting = (await office.row(message)).status
    await office.change(message, next_attempt_at="now()")
    await office.work_off()

    assert (waiting, (await office.row(message)).status) == ("queued", "sent")


async def test_a_link_that_is_not_needed_drops_the_mail(
    office: OfficeForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message("reset-password")
    auth_server.accounts.link_problems.append("link-not-needed")

    await office.receive(message)

    assert (await office.row(message)).status == "dropped"


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


async def test_what_a_slow_batch_does_not_get_to_is_due_at_once(
    office: OfficeForTests, mail_server: MailServerForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BATCH_SECONDS", 0.1)
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
