"""A mail's status changes as the table of statuses says."""

from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from sqlalchemy import CheckConstraint

from notification_service.delivery.consumer import erase_user
from notification_service.messages.service import resend
from notification_service.models import notifications
from notification_service.statuses import (
    FINISHED,
    STATUS_CHANGES,
    UNSENT,
    MailStatus,
    may_be_queued_again,
)
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import Message, make_erasure, make_message

USER_ID = uuid4()


def wrong_changes(statuses: list[str]) -> list[tuple[str, str]]:
    """Which steps of a timeline the table does not allow; a step may repeat the status."""
    return [
        (before, after)
        for before, after in pairwise(statuses)
        if before != after and MailStatus(after) not in STATUS_CHANGES[MailStatus(before)]
    ]


def test_each_status_is_in_the_table_and_either_unsent_or_finished() -> None:
    assert set(STATUS_CHANGES) == set(MailStatus)
    assert {*UNSENT, *FINISHED} == set(MailStatus) and not {*UNSENT} & {*FINISHED}
    assert [one for one in FINISHED if not may_be_queued_again(one)] == ["dropped"]


def test_the_database_knows_the_same_statuses() -> None:
    [check] = [
        constraint
        for constraint in notifications.constraints
        if isinstance(constraint, CheckConstraint) and "known_status" in str(constraint.name)
    ]
    assert all(f"'{status}'" in str(check.sqltext) for status in MailStatus)
    assert str(check.sqltext).count("'") == 2 * len(MailStatus)


async def go_through_all_statuses(
    worker: WorkerForTests, mail_server: MailServerForTests
) -> list[Message]:
    """A resend, a passing and a permanent refusal, a dropped mail, a malformed one, an erasure."""
    resent, postponed, refused, late, malformed, erased = (
        make_message("booking-confirmed", user_id=USER_ID) for _ in range(6)
    )
    late = make_message("waitlist-offer", data={"expires_at": "2020-01-01T10:00:00Z"})
    malformed["data"] = {}
    await worker.receive(resent)
    async with worker.database.transaction() as session:
        await resend(session, UUID(resent["id"]), user_id=USER_ID)
    await worker.work_off()
    mail_server.answers("DATA", "451 Later", times=1)
    await worker.receive(postponed)
    await worker.change(postponed, next_attempt_at="now()")
    await worker.work_off()
    mail_server.answers("DATA", "550 No", times=1)
    await worker.receive(refused, late, malformed)
    mail_server.answers("DATA", "451 Later")
    await worker.receive(erased)
    await erase_user(worker.context, make_erasure(USER_ID))
    return [resent, postponed, refused, late, malformed, erased]


async def test_every_timeline_follows_the_table(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    messages = await go_through_all_statuses(mail_worker, mail_server)

    seen: set[tuple[str, str]] = set()
    for message in messages:
        row = await mail_worker.row(message)
        statuses = [step["status"] for step in row.timeline]
        assert statuses[-1] == row.status
        assert wrong_changes(statuses) == []
        seen.update(pairwise(statuses))
    assert seen >= {
        ("queued", "sending"),
        ("sending", "queued"),
        ("sending", "sent"),
        ("sending", "failed"),
        ("sending", "dropped"),
        ("sent", "queued"),
        ("queued", "failed"),
        ("queued", "dropped"),
    }


@pytest.mark.parametrize("statuses", [["sent", "sending"], ["dropped", "queued"]])
def test_control_another_change_would_be_seen(statuses: list[str]) -> None:
    assert wrong_changes(statuses) == [tuple(statuses)]
