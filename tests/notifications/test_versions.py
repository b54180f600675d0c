"""Nothing that is written after an event has moved shows the old time or place, and whoever is told of a
change is told of all that differs from what was told last."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from notification_service.messages.service import resend
from service_kit.ids import new_id
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests, ReceivedEmail
from tests.notifications.messages import Message, make_message

USER_ID = uuid4()
# Long ahead, so that no reminder is due by itself.
FIRST_START = datetime.now(UTC).replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(
    days=30
)
VENUES = ["No Hall", "Old Hall", "New Hall", "Third Hall"]

Event = dict[str, Any]


class Concert:
    """An event that moves; each move is a version of it."""

    def __init__(self) -> None:
        self.id = str(new_id())
        self.booking_id = str(new_id())
        self.version = 1
        self.venue = "Old Hall"
        self.city = "Berlin"
        self.timezone = "Europe/Berlin"
        self.starts_at = FIRST_START

    def snapshot(self) -> Event:
        return {
            "title": "Concert",
            "description": "",
            "venue": self.venue,
            "city": self.city,
            "timezone": self.timezone,
            "starts_at": self.starts_at.isoformat(),
            "ends_at": (self.starts_at + timedelta(hours=2)).isoformat(),
            "version": self.version,
        }

    def message(self, kind: str, *, user_id: UUID = USER_ID, **data: Any) -> Message:
        about = {"event_id": self.id, "event": self.snapshot(), **data}
        if kind not in ("event-changed", "event-cancelled", "organizer-message"):
            about = {"booking_id": self.booking_id} | about
        message = make_message(kind, user_id=user_id, data=about, version=self.version)
        return message

    def move(self, *, user_id: UUID = USER_ID, **changed: Any) -> Message:
        before = self.snapshot()
        self.version += 1
        for name, value in changed.items():
            setattr(self, name, value)
        after = self.snapshot()
        fields = ("starts_at", "ends_at", "timezone", "venue", "city")
        changes = {n: [before[n], after[n]] for n in fields if before[n] != after[n]}
        return self.message("event-changed", user_id=user_id, changes=changes, reason=None)


@pytest.fixture
def concert() -> Concert:
    return Concert()


def text_of(mail: ReceivedEmail) -> str:
    body = mail.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def calendar_of(mail: ReceivedEmail) -> str:
    return "".join(
        str(part.get_payload(decode=True), "utf-8")  # type: ignore[arg-type]
        for part in mail.message.walk()
        if part.get_content_type() == "text/calendar"
    )


async def hold_up(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, *messages: Message
) -> None:
    """The mail server is away while they come."""
    mail_server.answers("DATA", "451 Later")
    for message in messages:
        await mail_worker.receive(message)
    mail_server.is_well()


async def go_on(mail_worker: WorkerForTests, *messages: Message) -> None:
    for message in messages:
        await mail_worker.change(message, next_attempt_at="now()")
    await mail_worker.work_off()


@pytest.mark.parametrize(
    "kind",
    [
        "booking-confirmed",
        "event-reminder",
        "booking-cancelled",
        "hold-expired",
        "waitlist-offer",
        "organizer-message",
    ],
)
async def test_what_waited_is_written_of_the_newest_version(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert, kind: str
) -> None:
    concert.starts_at = datetime.now(UTC) + timedelta(hours=12)
    waiting = concert.message(kind)
    await hold_up(mail_worker, mail_server, waiting)
    # Another guest's: that this one's own is still on its way changes nothing.
    await mail_worker.receive(concert.move(venue="New Hall", city="Potsdam", user_id=uuid4()))

    await go_on(mail_worker, waiting)

    mail = text_of(mail_worker.mails[-1])
    assert mail_worker.mails[-1].recipients[0].startswith(f"guest-{USER_ID}")
    assert "New Hall" in mail and "Potsdam" in mail and "Old Hall" not in mail


async def test_what_comes_late_by_a_relay_that_was_away_is_written_of_the_newest_version(
    mail_worker: WorkerForTests, concert: Concert
) -> None:
    late = concert.message("booking-confirmed")
    await mail_worker.receive(concert.move(venue="New Hall"))

    await mail_worker.receive(late)

    assert "Old Hall" not in text_of(mail_worker.mails[-1])


async def test_a_resend_says_where_it_is_now(mail_worker: WorkerForTests, concert: Concert) -> None:
    confirmation = concert.message("booking-confirmed")
    await mail_worker.receive(confirmation)
    await mail_worker.receive(concert.move(venue="New Hall", timezone="Europe/London"))

    async with mail_worker.database.transaction() as session:
        await resend(session, UUID(confirmation["id"]), user_id=USER_ID)
    await mail_worker.work_off()

    again = text_of(mail_worker.mails[-1])
    assert len(mail_worker.mails) == 3
    assert "New Hall" in again and "Old Hall" not in again


async def test_what_moves_while_a_mail_is_handed_over_is_written_anew(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert
) -> None:
    confirmation = concert.message("booking-confirmed")
    moved = concert.move(venue="New Hall", user_id=uuid4())
    others: list[Message] = [moved]

    def move() -> None:
        import asyncio

        import asyncpg

        if not others:
            return
        event = others.pop()["data"]["event"]

        async def execute() -> None:
            url = mail_worker.context.settings.database_url.get_secret_value().replace(
                "+asyncpg", ""
            )
            connection = await asyncpg.connect(url)
            import json

            await connection.execute(
                "UPDATE event_snapshot SET version = 2, snapshot = $1::jsonb", json.dumps(event)
            )
            await connection.close()

        asyncio.run(execute())

    mail_server.handler.on_rcpt = move
    await mail_worker.receive(confirmation)
    assert mail_worker.mails == []
    await mail_worker.work_off()

    assert "New Hall" in text_of(mail_worker.mails[-1])


async def test_an_older_snapshot_replaces_no_newer_one(
    mail_worker: WorkerForTests, concert: Concert
) -> None:
    """Senders' clocks do not come into it, nor the order in which messages come."""
    first = concert.message("booking-confirmed")
    second = concert.move(venue="New Hall", user_id=uuid4())
    third = concert.move(venue="Third Hall", user_id=uuid4())
    await mail_worker.receive(third)
    await mail_worker.receive(second)

    await mail_worker.receive(first)

    assert "Third Hall" in text_of(mail_worker.mails[-1])


async def test_two_changes_in_short_order_are_mailed_together(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert
) -> None:
    await mail_worker.receive(concert.message("booking-confirmed"))
    first = concert.move(venue="New Hall")
    second = concert.move(starts_at=FIRST_START + timedelta(days=1))
    await hold_up(mail_worker, mail_server, first, second)

    await go_on(mail_worker, first, second)

    assert [(await mail_worker.row(m)).status for m in (first, second)] == ["dropped", "sent"]
    told = text_of(mail_worker.mails[-1])
    assert "Old Hall" in told and "New Hall" in told
    assert f"{FIRST_START.day}" in told and f"{(FIRST_START + timedelta(days=1)).day}" in told
    changes = (await mail_worker.row(second)).data["changes"]
    assert set(changes) == {"venue", "starts_at", "ends_at"}


async def test_a_change_is_compared_with_what_was_mailed_last(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert
) -> None:
    await mail_worker.receive(concert.message("booking-confirmed"))
    await mail_worker.receive(concert.move(venue="New Hall"))
    third, fourth = concert.move(city="Potsdam"), concert.move(venue="Third Hall")
    await hold_up(mail_worker, mail_server, third, fourth)

    await go_on(mail_worker, third, fourth)

    changes = (await mail_worker.row(fourth)).data["changes"]
    assert changes == {"venue": ["New Hall", "Third Hall"], "city": ["Berlin", "Potsdam"]}
    assert "Old Hall" not in text_of(mail_worker.mails[-1])


async def test_a_change_that_is_undone_before_its_mail_is_not_mailed(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert
) -> None:
    await mail_worker.receive(concert.message("booking-confirmed"))
    there, back = concert.move(venue="New Hall"), concert.move(venue="Old Hall")
    await hold_up(mail_worker, mail_server, there, back)

    await go_on(mail_worker, there, back)

    assert [(await mail_worker.row(m)).status for m in (there, back)] == ["dropped", "dropped"]
    assert (await mail_worker.row(back)).timeline[-1]["note"] == (
        "The change was taken back before it was told."
    )
    assert len(mail_worker.mails) == 1


async def test_a_mailed_change_counts_as_mailed_while_its_mail_is_sent_again(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert
) -> None:
    """A resend that is overtaken must not make it look as if nobody had been told."""
    await mail_worker.receive(concert.message("booking-confirmed"))
    there = concert.move(venue="New Hall")
    await mail_worker.receive(there)
    mail_server.answers("DATA", "451 Later")
    async with mail_worker.database.transaction() as session:
        await resend(session, UUID(there["id"]), user_id=USER_ID)
    await mail_worker.work_off()
    back = concert.move(venue="Old Hall")
    await mail_worker.receive(back)
    mail_server.is_well()

    await go_on(mail_worker, there, back)

    assert [(await mail_worker.row(m)).status for m in (there, back)] == ["dropped", "sent"]
    told = text_of(mail_worker.mails[-1])
    assert "New Hall" in told and "Old Hall" in told


async def test_a_change_that_may_have_been_mailed_is_undone_by_a_mail(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert
) -> None:
    """The mail server took the mail of the change, and its answer was lost."""
    await mail_worker.receive(concert.message("booking-confirmed"))
    there = concert.move(venue="New Hall")
    mail_server.answers("DATA", "drop-after-taking", times=1)
    await mail_worker.receive(there)
    back = concert.move(venue="Old Hall")
    mail_server.is_well()
    await mail_worker.receive(back)

    await go_on(mail_worker, there, back)

    assert [(await mail_worker.row(m)).status for m in (there, back)] == ["dropped", "sent"]


async def test_a_change_that_another_mail_showed_is_undone_by_a_mail(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert
) -> None:
    """The guest's confirmation said the place that was true for a while."""
    late = concert.message("booking-confirmed")
    there = concert.move(venue="New Hall")
    await hold_up(mail_worker, mail_server, there)
    await mail_worker.receive(late)
    back = concert.move(venue="Old Hall")
    await mail_worker.receive(back)

    await go_on(mail_worker, there)

    assert (await mail_worker.row(back)).status == "sent"
    told = text_of(mail_worker.mails[-1])
    assert "New Hall" in told and "Old Hall" in told


async def test_after_a_mail_about_a_newer_version_the_next_one_is_not_sent(
    mail_worker: WorkerForTests, concert: Concert
) -> None:
    await mail_worker.receive(concert.message("booking-confirmed"))
    second = concert.move(venue="New Hall")
    third = concert.move(venue="Third Hall")
    await mail_worker.receive(
        third | {"id": str(new_id()), "user_id": str(uuid4()), "dedup_key": "x"}
    )

    await mail_worker.receive(second)
    await mail_worker.receive(third)

    assert (await mail_worker.row(third)).status == "dropped"
    told = text_of(mail_worker.mails[-1])
    assert "Old Hall" in told and "Third Hall" in told and "New Hall" not in told


async def test_the_mails_of_a_batch_keep_their_order(
    mail_worker: WorkerForTests, concert: Concert
) -> None:
    """Not that of a set: tickets first, then what has changed."""
    batch = []
    for _ in range(10):
        user_id = uuid4()
        other = Concert()
        batch += [
            other.message("booking-confirmed", user_id=user_id),
            other.move(venue="New Hall", user_id=user_id),
        ]

    await mail_worker.receive(*batch)

    sent = [mail.recipients[0].split("@")[0].removeprefix("guest-") for mail in mail_worker.mails]
    assert sent == [message["user_id"] for message in batch]


async def test_messages_out_of_order_in_one_batch_are_mailed_in_the_order_of_versions(
    mail_worker: WorkerForTests, concert: Concert
) -> None:
    confirmation = concert.message("booking-confirmed")
    change = concert.move(venue="New Hall")

    await mail_worker.receive(change, confirmation)

    assert "New Hall" in text_of(mail_worker.mails[0])
    assert [(await mail_worker.row(m)).status for m in (confirmation, change)] == ["sent", "sent"]
    assert "booking" in mail_worker.mails[0].message["Message-ID"] or len(mail_worker.mails) == 2


async def test_what_waits_goes_before_a_message_that_comes_after_it(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert
) -> None:
    confirmation = concert.message("booking-confirmed")
    await hold_up(mail_worker, mail_server, confirmation)
    await mail_worker.change(confirmation, next_attempt_at="now()")

    await mail_worker.receive(concert.move(venue="New Hall"))

    first, second = mail_worker.mails
    assert ".ics" in str(first.message) or first.message.get_content_type()
    sent = [(await mail_worker.row(confirmation)).sent_at]
    assert sent[0] is not None
    assert "Old Hall" not in text_of(first) and "Old Hall" in text_of(second)


async def test_a_reminder_does_not_come_within_an_hour_of_the_confirmation(
    mail_worker: WorkerForTests, concert: Concert
) -> None:
    concert.starts_at = datetime.now(UTC) + timedelta(hours=23)
    confirmation, reminder = (concert.message(k) for k in ("booking-confirmed", "event-reminder"))
    await mail_worker.receive(confirmation)
    await mail_worker.receive(reminder)
    row = await mail_worker.row(reminder)
    assert (row.status, row.waits_for, len(mail_worker.mails)) == ("queued", "confirmation", 1)
    assert row.timeline[-1]["note"] == "waits until an hour after the confirmation"
    waits = row.next_attempt_at - datetime.now(UTC)
    assert timedelta(minutes=58) < waits <= timedelta(hours=1)

    await mail_worker.change(confirmation, sent_at="now() - interval '1 hour'")
    await mail_worker.change(reminder, next_attempt_at="now()")
    await mail_worker.work_off()

    assert (await mail_worker.row(reminder)).status == "sent"


async def test_a_reminder_waits_for_a_confirmation_that_waits(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert
) -> None:
    concert.starts_at = datetime.now(UTC) + timedelta(hours=23)
    confirmation, reminder = (concert.message(k) for k in ("booking-confirmed", "event-reminder"))
    await hold_up(mail_worker, mail_server, confirmation)

    await mail_worker.receive(reminder)

    assert (await mail_worker.row(reminder)).waits_for == "confirmation"
    assert mail_worker.mails == []


async def test_a_reminder_of_an_event_that_has_moved_away_is_dropped(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert
) -> None:
    concert.starts_at = datetime.now(UTC) + timedelta(hours=23)
    reminder = concert.message("event-reminder")
    await hold_up(mail_worker, mail_server, reminder)
    await mail_worker.receive(concert.move(starts_at=FIRST_START, user_id=uuid4()))

    await go_on(mail_worker, reminder)

    assert (await mail_worker.row(reminder)).status == "dropped"


def unversioned(message: Message) -> Message:
    """As the release before says it: its processes run on while this one comes."""
    message.pop("version", None)
    message["data"].get("event", {}).pop("version", None)
    return message


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_message_of_the_release_before_counts_as_the_newest(
    mail_worker: WorkerForTests, concert: Concert, at_once: bool
) -> None:
    first = [concert.message("booking-confirmed"), concert.move(venue="New Hall")]
    told = unversioned(concert.move(venue="Third Hall"))
    confirmed = unversioned(concert.message("booking-confirmed", user_id=uuid4()))
    if at_once:
        await mail_worker.receive(*first, told)
    else:
        await mail_worker.receive(*first)
        await mail_worker.receive(told)
    await mail_worker.receive(confirmed)

    assert (await mail_worker.row(told)).status == "sent"
    change, confirmation = mail_worker.mails[-2:]
    assert "Third Hall" in text_of(change) and "Third Hall" in text_of(confirmation)
    assert "Old Hall" not in text_of(confirmation) and "New Hall" not in text_of(confirmation)
    # A calendar goes by the number: it must not be below that of an earlier file.
    for mail in (change, confirmation):
        calendar = calendar_of(mail)
        assert "SEQUENCE:" in calendar and "SEQUENCE:0" not in calendar


async def test_a_waiting_mail_uses_the_snapshot_of_the_release_before(
    mail_worker: WorkerForTests, mail_server: MailServerForTests, concert: Concert
) -> None:
    await mail_worker.receive(concert.move(venue="New Hall", user_id=uuid4()))
    waiting = concert.message("booking-confirmed")
    await hold_up(mail_worker, mail_server, waiting)
    await mail_worker.receive(unversioned(concert.move(venue="Third Hall", user_id=uuid4())))

    await go_on(mail_worker, waiting)

    assert "Third Hall" in text_of(mail_worker.mails[-1]) and "New Hall" not in text_of(
        mail_worker.mails[-1]
    )


@pytest.mark.parametrize("versions_later", [0, 1])
async def test_a_snapshot_with_a_version_replaces_one_of_the_release_before(
    mail_worker: WorkerForTests, concert: Concert, versions_later: int
) -> None:
    """Also one that is no higher: what came late from an old process must not last."""
    late = unversioned(concert.message("booking-confirmed", user_id=uuid4()))
    await mail_worker.receive(concert.move(venue="New Hall", user_id=uuid4()))
    await mail_worker.receive(late)
    concert.version += versions_later
    for _ in range(2):
        await mail_worker.receive(concert.message("booking-confirmed", user_id=uuid4()))
        assert "New Hall" in text_of(mail_worker.mails[-1])


async def test_a_link_of_the_release_before_is_the_newest(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    user_id = uuid4()
    first = make_message("reset-password", user_id=user_id, version=3)
    later = unversioned(make_message("reset-password", user_id=user_id))
    await hold_up(mail_worker, mail_server, first, later)

    await go_on(mail_worker, first, later)

    assert [(await mail_worker.row(m)).status for m in (first, later)] == ["dropped", "sent"]


@pytest.mark.parametrize(
    "malformed",
    [
        {"changes": "x"},
        {"changes": [1]},
        {"changes": {"starts_at": 5}},
        {"changes": {"starts_at": []}},
        {"changes": {"starts_at": ["soon", "later"]}},
        {"event": None},
    ],
)
async def test_a_change_that_could_not_be_read_is_in_nobodys_way(
    mail_worker: WorkerForTests, concert: Concert, malformed: dict[str, Any]
) -> None:
    unreadable = concert.move(venue="New Hall")
    unreadable["data"] |= malformed
    change, other = concert.move(venue="Third Hall"), make_message()

    await mail_worker.receive(unreadable)
    await mail_worker.receive(change, other)

    assert (await mail_worker.row(unreadable)).status == "failed"
    assert {(await mail_worker.row(one)).status for one in (change, other)} == {"sent"}
    assert "Third Hall" in text_of(mail_worker.mails[0])


async def test_a_stored_event_that_cannot_be_read_any_more_is_in_nobodys_way(
    mail_worker: WorkerForTests, concert: Concert
) -> None:
    await mail_worker.receive(concert.message("booking-confirmed", user_id=uuid4()))
    await mail_worker.run(
        'UPDATE event_snapshot SET version = 7, snapshot = snapshot || \'{"starts_at": "soon"}\''
    )
    message = concert.message("booking-cancelled")

    await mail_worker.receive(message)

    assert (await mail_worker.row(message)).status in ("sent", "queued")
