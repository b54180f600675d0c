"""A message that was overtaken before it went out."""

from datetime import timedelta
from uuid import uuid4

import pytest

from service_kit.clock import utc_now
from tests.notifications.auth_server import AuthServerForTests
from tests.notifications.conftest import OfficeForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import Message, make_message

EVENT_ID, BOOKING_ID = str(uuid4()), str(uuid4())
USER_ID = uuid4()
SAME = {"booking_id": BOOKING_ID, "event_id": EVENT_ID}


def about_the_same(kind: str, *, seconds: int = 0, **changed: str) -> Message:
    data = {name: value for name, value in SAME.items()} | changed
    if kind.startswith("event-c"):
        data.pop("booking_id")
    if kind in ("verify-email", "reset-password"):
        data = {}
    occurred_at = (utc_now() + timedelta(seconds=seconds)).isoformat()
    return make_message(kind, user_id=USER_ID, data=data, occurred_at=occurred_at)


async def send_later(
    office: OfficeForTests, mail_server: MailServerForTests, *messages: Message
) -> None:
    """All wait together, and then go out, the first first."""
    mail_server.answers("DATA", "451 Later")
    for message in messages:
        await office.receive(message)
    mail_server.is_well()
    for message in messages:
        await office.change(message, next_attempt_at="now()")
        await office.deliver(message)


@pytest.fixture(autouse=True)
def unverified(auth_server: AuthServerForTests) -> None:
    auth_server.accounts.special[str(USER_ID)] = {"is_verified": False}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("booking-confirmed", "booking-cancelled"),
        ("booking-confirmed", "event-cancelled"),
        ("event-reminder", "booking-cancelled"),
        ("event-reminder", "event-cancelled"),
        ("waitlist-offer", "booking-confirmed"),
        ("waitlist-offer", "hold-expired"),
        ("waitlist-offer", "event-cancelled"),
        ("hold-expired", "event-cancelled"),
        ("event-changed", "event-changed"),
        ("event-changed", "event-cancelled"),
        ("verify-email", "verify-email"),
        ("reset-password", "reset-password"),
    ],
)
async def test_only_the_later_truth_is_told(
    office: OfficeForTests, mail_server: MailServerForTests, earlier: str, later: str
) -> None:
    first, second = about_the_same(earlier), about_the_same(later, seconds=5)

    await send_later(office, mail_server, first, second)

    assert [(await office.row(m)).status for m in (first, second)] == ["dropped", "sent"]
    assert len(office.mails) == 1


async def test_the_order_in_which_they_come_does_not_matter(
    office: OfficeForTests, mail_server: MailServerForTests
) -> None:
    older, newer = about_the_same("event-changed"), about_the_same("event-changed", seconds=5)

    await send_later(office, mail_server, newer, older)

    assert [(await office.row(m)).status for m in (older, newer)] == ["dropped", "sent"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            about_the_same("booking-confirmed"),
            about_the_same("booking-cancelled", booking_id=str(uuid4())),
        ),
        (
            about_the_same("event-changed"),
            about_the_same("event-changed", seconds=5, event_id=str(uuid4())),
        ),
        (
            about_the_same("event-changed"),
            make_message("event-changed", data={"event_id": EVENT_ID}),
        ),
        (about_the_same("booking-cancelled"), about_the_same("event-cancelled")),
        (about_the_same("organizer-message"), about_the_same("organizer-message", seconds=5)),
    ],
)
async def test_what_is_about_something_else_goes_out(
    office: OfficeForTests, mail_server: MailServerForTests, first: Message, second: Message
) -> None:
    await send_later(office, mail_server, first, second)

    assert [(await office.row(m)).status for m in (first, second)] == ["sent", "sent"]


async def test_what_was_sent_already_stays_sent(office: OfficeForTests) -> None:
    first, second = about_the_same("booking-confirmed"), about_the_same("booking-cancelled")

    await office.receive(first)
    await office.receive(second)

    assert len(office.mails) == 2
