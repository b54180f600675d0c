"""One address gets so many mails within an hour, whoever has them sent."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from notification_service.delivery import consumer
from notification_service.delivery.allowances import canonical_address
from notification_service.delivery.context import WorkerContext
from notification_service.messages.service import resend
from notification_service.rendering.renderer import EmailRenderer
from notification_service.settings import WorkerSettings
from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import Message, make_message

USER_ID = uuid4()
LIMIT = 5
NOTE = "waits because many mails went to this address within an hour"


@pytest.fixture
def options(options: dict[str, Any]) -> dict[str, Any]:
    return options | {"mails_per_address_per_hour": LIMIT}


async def statuses(mail_worker: WorkerForTests, messages: list[Message]) -> list[str]:
    return sorted([(await mail_worker.row(message)).status for message in messages])


@pytest.mark.parametrize("together", [True, False], ids=["a batch", "one by one"])
async def test_what_is_too_much_is_held_back_and_goes_later(
    mail_worker: WorkerForTests, together: bool
) -> None:
    messages = [make_message(user_id=USER_ID) for _ in range(LIMIT + 3)]
    if together:
        await mail_worker.receive(*messages)
    else:
        for message in messages:
            await mail_worker.receive(message)

    assert await statuses(mail_worker, messages) == ["queued"] * 3 + ["sent"] * LIMIT
    held_back = [m for m in messages if (await mail_worker.row(m)).status == "queued"]
    row = await mail_worker.row(held_back[0])
    assert (row.waits_for, row.timeline[-1]["note"], row.last_error) == ("allowance", NOTE, None)
    # Before the hour is over it does not help to try.
    for message in held_back:
        await mail_worker.change(message, next_attempt_at="now()")
    await mail_worker.work_off()
    assert len(mail_worker.mails) == LIMIT

    await age(mail_worker)
    for message in held_back:
        await mail_worker.change(message, next_attempt_at="now()")
    await mail_worker.work_off()
    assert await statuses(mail_worker, messages) == ["sent"] * len(messages)


async def age(mail_worker: WorkerForTests) -> None:
    await mail_worker.run(
        "UPDATE mail_allowance SET sent = ARRAY(SELECT at - interval '1 hour' FROM unnest(sent) at)"
    )


async def test_workers_at_once_send_no_more_together(
    mail_worker: WorkerForTests, options: dict[str, Any], renderer: EmailRenderer
) -> None:
    messages = [make_message(user_id=USER_ID) for _ in range(40)]
    settings = WorkerSettings(**options)
    async with (
        WorkerContext(settings, renderer=renderer) as one,
        WorkerContext(settings, renderer=renderer) as two,
        WorkerContext(settings, renderer=renderer) as three,
    ):
        await asyncio.gather(
            *(
                consumer.receive(others, messages[start : start + 5])
                for start in range(0, 40, 5)
                for others in [(one, two, three)[start % 3]]
            )
        )

    assert len(mail_worker.mails) == LIMIT


async def test_accounts_whose_mail_reaches_one_mailbox_share_it(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    spellings = ["ada+1@guests.example", "ADA@guests.example", "ada+x+y@GUESTS.example"]
    messages = []
    for number in range(9):
        user_id = uuid4()
        auth_server.accounts.special[str(user_id)] = {"email": spellings[number % 3]}
        messages.append(make_message(user_id=user_id))

    await mail_worker.receive(*messages)

    assert len(mail_worker.mails) == LIMIT


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        ("A.d.a+tickets@GoogleMail.com", "ada@gmail.com"),
        ("a.d.a@guests.example", "a.d.a@guests.example"),
        ("+ada@guests.example", "+ada@guests.example"),
        ("ada@faß.example", "ada@xn--fa-hia.example"),
        ("ada@xn--fa-hia.example", "ada@xn--fa-hia.example"),
        ("ada@guests.example.", "ada@guests.example"),
        ("ada@[127.0.0.1]", "ada@[127.0.0.1]"),
    ],
)
def test_spellings_of_one_mailbox(address: str, canonical: str) -> None:
    assert canonical_address(address) == canonical


async def test_nobody_keeps_an_owner_from_a_reset_by_having_mails_sent(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    await mail_worker.receive(*[make_message(user_id=USER_ID) for _ in range(20)])
    # Nor by having links sent to variants of the address.
    for number in range(20):
        other = uuid4()
        auth_server.accounts.special[str(other)] = {
            "email": f"guest-{USER_ID}+{number}@guests.example",
            "is_verified": False,
        }
        await mail_worker.receive(make_message("reset-password", user_id=other))
    assert len(mail_worker.mails) == 2 * LIMIT

    reset = make_message("reset-password", user_id=USER_ID)
    await mail_worker.receive(reset)

    assert (await mail_worker.row(reset)).status == "sent"


async def test_links_have_a_limit_too(
    mail_worker: WorkerForTests, auth_server: AuthServerForTests
) -> None:
    for _ in range(LIMIT + 3):
        await mail_worker.receive(make_message("reset-password", user_id=USER_ID))

    assert len(mail_worker.mails) == LIMIT


async def test_what_does_not_go_out_uses_nothing_up(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    messages = [make_message(user_id=USER_ID) for _ in range(LIMIT)]
    mail_server.answers("DATA", "451 Later")
    for _ in range(3):
        await mail_worker.receive(*messages)
        for message in messages:
            await mail_worker.change(message, next_attempt_at="now()")
        await mail_worker.work_off()
    mail_server.is_well()

    for message in messages:
        await mail_worker.change(message, next_attempt_at="now()")
    await mail_worker.work_off()

    assert await statuses(mail_worker, messages) == ["sent"] * LIMIT


async def test_a_resend_counts(mail_worker: WorkerForTests) -> None:
    messages = [make_message(user_id=USER_ID) for _ in range(LIMIT)]
    await mail_worker.receive(*messages)

    async with mail_worker.database.transaction() as session:
        await resend(session, UUID(messages[0]["id"]), user_id=USER_ID)
    await mail_worker.work_off()

    row = await mail_worker.row(messages[0])
    assert (row.status, row.waits_for, len(mail_worker.mails)) == ("queued", "allowance", LIMIT)


async def test_no_address_is_kept(mail_worker: WorkerForTests) -> None:
    await mail_worker.receive(make_message(user_id=USER_ID))

    kept = await mail_worker.run("SELECT mail_allowance::text FROM mail_allowance")
    assert len(kept) == 1
    assert "guest" not in kept[0] and str(USER_ID) not in kept[0]


@pytest.mark.parametrize("limit", [0])
async def test_there_may_be_no_limit(
    options: dict[str, Any],
    mail_worker: WorkerForTests,
    renderer: EmailRenderer,
    limit: int,
) -> None:
    settings = WorkerSettings(**options | {"mails_per_address_per_hour": limit})
    async with WorkerContext(settings, renderer=renderer) as unlimited:
        await consumer.receive(unlimited, [make_message(user_id=USER_ID) for _ in range(20)])

    assert len(mail_worker.mails) == 20
