"""Whoever has not confirmed an address gets there what confirms it, and nothing else."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from notification_service.delivery import consumer
from notification_service.delivery.waiting import look_up_unconfirmed
from notification_service.kinds.registry import KINDS
from notification_service.messages.service import resend
from service_kit.ids import new_id
from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.conftest import WorkerForTests
from tests.notifications.messages import Message, make_message

USER_ID = uuid4()
LINKS = {"verify-email", "reset-password"}
NOTE = "waits until the address is confirmed"


@pytest.fixture(autouse=True)
def unverified(auth_server: AuthServerForTests) -> None:
    auth_server.accounts.special[str(USER_ID)] = {
        "is_verified": False,
        "pending_email": "next@guests.example",
    }


def confirm(auth_server: AuthServerForTests) -> Message:
    """What auth-service puts on the queue."""
    auth_server.accounts.special[str(USER_ID)] = {"is_verified": True}
    return {"id": str(new_id()), "topic": "user.address-confirmed.v1", "user_id": str(USER_ID)}


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_only_what_confirms_it_goes_there(mail_worker: WorkerForTests, kind: str) -> None:
    message = make_message(kind, user_id=USER_ID)

    await mail_worker.receive(message)
    # Also not by trying again and again, and not to others of a batch.
    await mail_worker.receive(message, make_message(kind, user_id=USER_ID), make_message())
    await mail_worker.work_off()

    row = await mail_worker.row(message)
    to_this = [m for m in mail_worker.mails if m.recipients[0].startswith(f"guest-{USER_ID}")]
    if kind in LINKS:
        assert to_this
    else:
        assert not to_this
        assert (row.status, row.waits_for) == ("queued", "address")
        assert [step["note"] for step in row.timeline] == [None, None, NOTE]


async def test_a_new_address_gets_what_confirms_it(mail_worker: WorkerForTests) -> None:
    await mail_worker.receive(
        make_message("verify-email", user_id=USER_ID, data={"address": "pending"})
    )

    assert [mail.recipients for mail in mail_worker.mails] == [["next@guests.example"]]


async def test_it_goes_out_when_the_address_is_confirmed(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    waiting = [make_message(user_id=USER_ID) for _ in range(3)]
    await mail_worker.receive(*waiting)

    await consumer.address_confirmed(mail_worker.context, confirm(auth_server))
    await mail_worker.work_off()

    assert [(await mail_worker.row(m)).status for m in waiting] == ["sent"] * 3


async def test_a_message_that_an_address_is_confirmed_is_not_missing(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests, client: httpx.AsyncClient
) -> None:
    from tests.notifications.people import SENDER

    word = confirm(auth_server)
    for message in (word, word, {}, {"id": "1"}, None):
        await consumer.address_confirmed(mail_worker.context, message)

    answer = await client.post("/notifications/missing", json={"ids": [word["id"]]}, headers=SENDER)
    assert answer.json() == {"missing": []}


async def test_who_has_many_mails_waiting_is_asked_about_once_and_ever_more_seldom(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    waiting = [make_message(user_id=USER_ID) for _ in range(20)]
    await mail_worker.receive(*waiting)
    before = (await mail_worker.row(waiting[0])).timeline
    auth_server.accounts.requests = 0

    assert not await look_up_unconfirmed(mail_worker.context)
    assert auth_server.accounts.requests == 0
    for message in waiting:
        await mail_worker.change(
            message, next_attempt_at="now()", created_at="now() - interval '8 hours'"
        )
    await look_up_unconfirmed(mail_worker.context)
    await look_up_unconfirmed(mail_worker.context)

    row = await mail_worker.row(waiting[0])
    assert auth_server.accounts.requests == 1
    assert row.next_attempt_at - datetime.now(UTC) > timedelta(minutes=110)
    assert row.timeline == before


async def test_a_confirmed_address_is_found_without_a_message_of_auth_service(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message(user_id=USER_ID)
    await mail_worker.receive(message)
    confirm(auth_server)

    await mail_worker.change(message, next_attempt_at="now()")
    await look_up_unconfirmed(mail_worker.context)
    await mail_worker.work_off()

    assert (await mail_worker.row(message)).status == "sent"


async def test_what_has_become_pointless_does_not_go_out(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    kinds = ["booking-confirmed", "booking-cancelled", "hold-expired", "organizer-message"]
    waiting = [make_message(kind, user_id=USER_ID) for kind in kinds]
    await mail_worker.receive(*waiting)
    for message in waiting:
        event = message["data"]["event"] | {
            "starts_at": "2020-01-01T18:00:00Z",
            "ends_at": "2020-01-01T20:00:00Z",
        }
        moved = make_message(
            "organizer-message",
            data={"event_id": message["data"]["event_id"], "event": event},
            version=2,
        )
        await mail_worker.receive(moved)
        await mail_worker.change(message, next_attempt_at="now()")
    sent = len(mail_worker.mails)

    # Not even if the address is never confirmed: what is over waits no longer.
    await look_up_unconfirmed(mail_worker.context)
    await mail_worker.work_off()

    assert {(await mail_worker.row(m)).status for m in waiting} == {"dropped"}
    assert len(mail_worker.mails) == sent


async def test_who_erases_the_account_waits_no_longer(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message(user_id=USER_ID)
    await mail_worker.receive(message)
    auth_server.accounts.special[str(USER_ID)] = None

    await mail_worker.change(message, next_attempt_at="now()")
    await look_up_unconfirmed(mail_worker.context)
    await mail_worker.work_off()

    row = await mail_worker.row(message)
    assert (row.status, row.data) == ("dropped", {})


async def test_what_waits_on_purpose_is_no_alert(
    mail_worker: WorkerForTests, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    from notification_service.cli import examine

    message = make_message(user_id=USER_ID)
    await mail_worker.receive(message)
    await mail_worker.change(message, wanted_at="now() - interval '2 days'")

    assert await examine(mail_worker.context.settings, is_retry=False, ids=[]) == 0
    assert (await client.get("http://test/health/ready")).status_code == 200


async def test_neither_a_resend_nor_the_operators_get_it_out(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    message = make_message(user_id=USER_ID)
    auth_server.accounts.special[str(USER_ID)] = {"is_verified": True}
    await mail_worker.receive(message)
    auth_server.accounts.special[str(USER_ID)] = {"is_verified": False}

    async with mail_worker.database.transaction() as session:
        await resend(session, UUID(message["id"]), user_id=USER_ID)
    await mail_worker.work_off()

    row = await mail_worker.row(message)
    assert (row.status, row.waits_for, len(mail_worker.mails)) == ("queued", "address", 1)


async def test_booking_and_cancelling_in_short_order_sends_a_stranger_nothing(
    mail_worker: WorkerForTests,
) -> None:
    for _ in range(20):
        booking = make_message("booking-confirmed", user_id=USER_ID)
        cancelled = make_message(
            "booking-cancelled",
            user_id=USER_ID,
            data={n: booking["data"][n] for n in ("booking_id", "event_id")},
        )
        await mail_worker.receive(booking, cancelled)
    await mail_worker.work_off()

    assert mail_worker.mails == []
