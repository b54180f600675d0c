"""A message that was overtaken before it went out."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from service_kit.clock import utc_now
from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import Message, make_message

EVENT_ID, BOOKING_ID = str(uuid4()), str(uuid4())
USER_ID = uuid4()
SAME = {"booking_id": BOOKING_ID, "event_id": EVENT_ID}
ABOUT_ACCOUNTS = ("verify-email", "reset-password")


def about_the_same(kind: str, *, seconds: int = 0, version: int = 1, **changed: str) -> Message:
    """``seconds`` is how far the sender's clock is off: for its time, and for its id."""
    data = {name: value for name, value in SAME.items()} | changed
    if kind.startswith("event-c"):
        data.pop("booking_id")
    if kind in ABOUT_ACCOUNTS:
        data = {}
    message = make_message(kind, user_id=USER_ID, data=data, version=version)
    if "event" in message["data"]:
        message["data"]["event"]["version"] = version
    sent_at = utc_now() + timedelta(seconds=seconds)
    of_that_clock = f"{int(sent_at.timestamp() * 1000):012x}" + UUID(message["id"]).hex[12:]
    return message | {"id": str(UUID(of_that_clock)), "occurred_at": sent_at.isoformat()}


async def send_later(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, *messages: Message
) -> None:
    """All wait together, and then go out, the first first."""
    mail_server.answers("DATA", "451 Later")
    for message in messages:
        await mail_worker.receive(message)
    mail_server.is_well()
    for message in messages:
        await mail_worker.change(message, next_attempt_at="now()")
        await mail_worker.deliver(message)


@pytest.fixture
def unverified(auth_server: AuthServerForTests) -> None:
    auth_server.accounts.special[str(USER_ID)] = {"is_verified": False}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("booking-confirmed", "booking-cancelled"),
        ("booking-confirmed", "seats-cancelled"),
        ("booking-confirmed", "event-cancelled"),
        ("seats-cancelled", "booking-cancelled"),
        ("seats-cancelled", "event-cancelled"),
        ("event-reminder", "event-reminder"),
        ("event-reminder", "booking-cancelled"),
        ("event-reminder", "seats-cancelled"),
        ("event-reminder", "event-cancelled"),
        ("waitlist-offer", "booking-confirmed"),
        ("waitlist-offer", "hold-expired"),
        ("waitlist-offer", "event-cancelled"),
        ("hold-expired", "event-cancelled"),
        ("event-changed", "event-changed"),
        ("event-changed", "event-cancelled"),
    ],
)
@pytest.mark.parametrize("seconds", [-30, 0, 30])
async def test_only_the_mail_of_the_later_message_is_sent(
    mail_worker: WorkerForTests,
    mail_server: MailServerForTests,
    earlier: str,
    later: str,
    seconds: int,
) -> None:
    """By the event's version, also where the second sender's clock is half a minute off."""
    first, second = about_the_same(earlier), about_the_same(later, version=2, seconds=seconds)

    await send_later(mail_worker, mail_server, first, second)

    assert [(await mail_worker.row(m)).status for m in (first, second)] == ["dropped", "sent"]
    assert len(mail_worker.mails) == 1


@pytest.mark.parametrize("kind", ABOUT_ACCOUNTS)
@pytest.mark.parametrize("seconds", [-30, 0, 30])
async def test_of_two_links_the_one_that_came_later_is_sent(
    mail_worker: WorkerForTests,
    mail_server: MailServerForTests,
    unverified: None,
    kind: str,
    seconds: int,
) -> None:
    first, second = about_the_same(kind), about_the_same(kind, seconds=seconds)

    await send_later(mail_worker, mail_server, first, second)

    assert [(await mail_worker.row(m)).status for m in (first, second)] == ["dropped", "sent"]


@pytest.mark.parametrize("kind", ABOUT_ACCOUNTS)
async def test_a_link_that_is_asked_for_again_is_sent_though_its_senders_clock_is_slow(
    mail_worker: WorkerForTests, unverified: None, kind: str
) -> None:
    first, second = about_the_same(kind), about_the_same(kind, seconds=-30)

    await mail_worker.receive(first)
    await mail_worker.receive(second)

    assert [(await mail_worker.row(m)).status for m in (first, second)] == ["sent", "sent"]


@pytest.mark.parametrize("seconds", [-30, 0, 30])
async def test_the_order_in_which_they_come_does_not_matter(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, seconds: int
) -> None:
    older = about_the_same("event-changed")
    newer = about_the_same("event-changed", version=2, seconds=seconds)

    await send_later(mail_worker, mail_server, newer, older)

    assert [(await mail_worker.row(m)).status for m in (older, newer)] == ["dropped", "sent"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            about_the_same("booking-confirmed"),
            about_the_same("booking-cancelled", booking_id=str(uuid4())),
        ),
        (
            about_the_same("event-changed"),
            about_the_same("event-changed", version=2, event_id=str(uuid4())),
        ),
        (
            about_the_same("event-changed"),
            make_message("event-changed", data={"event_id": EVENT_ID}),
        ),
        (about_the_same("booking-cancelled"), about_the_same("event-cancelled")),
        (about_the_same("organizer-message"), about_the_same("organizer-message", version=2)),
        # Each names other seats; and a reminder that was written afterwards has the right ones.
        (about_the_same("seats-cancelled"), about_the_same("seats-cancelled")),
        (about_the_same("seats-cancelled"), about_the_same("event-reminder")),
    ],
)
async def test_what_is_about_something_else_goes_out(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, first: Message, second: Message
) -> None:
    await send_later(mail_worker, mail_server, first, second)

    assert [(await mail_worker.row(m)).status for m in (first, second)] == ["sent", "sent"]


async def test_what_was_sent_already_stays_sent(mail_worker: WorkerForTests) -> None:
    first, second = about_the_same("booking-confirmed"), about_the_same("booking-cancelled")

    await mail_worker.receive(first)
    await mail_worker.receive(second)

    assert len(mail_worker.mails) == 2
