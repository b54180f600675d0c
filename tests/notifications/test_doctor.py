"""The doctor of notification-service finds each fault that is staged, and mends what it may."""

from typing import Any

import pytest

from notification_service.doctor.checks import make_checks
from notification_service.settings import Settings
from service_kit.doctor import Report, examine
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message

UNSENT = "UPDATE notification SET sent_at = NULL, "
OLD_ERASURE = (
    "INSERT INTO erased_user SELECT user_id, now() - interval '11 minutes' FROM notification"
)
# What stages a fault, and what takes it back where it is not mended.
FAULTS = {
    "mails whose worker has not reported back": (
        f"{UNSENT} status = 'sending', lease_until = now() - interval '11 minutes'",
        "DELETE FROM notification",
    ),
    "mails that are due for 10 minutes": (
        f"{UNSENT} status = 'queued', next_attempt_at = now() - interval '11 minutes',"
        " lease_until = NULL",
        "DELETE FROM notification",
    ),
    "mails whose next attempt is more than two days away": (
        f"{UNSENT} status = 'queued', next_attempt_at = now() + interval '9 days'",
        "",
    ),
    "erased accounts of which mails are left": (OLD_ERASURE, ""),
    "ids of messages that should have been deleted": (
        "INSERT INTO seen_message VALUES (gen_random_uuid(), NULL, now() - interval '32 days')",
        "",
    ),
    "counts of mails to an address that should": (
        "INSERT INTO mail_allowance VALUES ('\\x00', '{}', 0, now() - interval '2 days')",
        "",
    ),
    "ids of erased accounts that should have been deleted": (
        "INSERT INTO erased_user VALUES (gen_random_uuid(), now() - interval '3 days')",
        "",
    ),
    "indexes that are not valid": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_notification_user'::regclass",
        "",
    ),
}


async def look(
    mail_worker: WorkerForTests, options: dict[str, Any], *, is_repair: bool = False
) -> tuple[Report, list[str]]:
    lines: list[str] = []
    checks = make_checks(Settings(**options))
    database = mail_worker.database
    report = await examine(database, checks, is_repair=is_repair, say=lines.append)
    return report, lines


@pytest.mark.parametrize("finding", FAULTS)
async def test_each_staged_fault_is_found_and_mended_where_that_is_safe(
    mail_worker: WorkerForTests, options: dict[str, Any], finding: str
) -> None:
    await mail_worker.receive(make_message())
    _, lines = await look(mail_worker, options)
    assert lines == []
    statement, undo = FAULTS[finding]
    await mail_worker.run(statement)
    report, lines = await look(mail_worker, options)
    assert report.findings == report.left == len(lines) == 1, lines
    assert lines[0].startswith(finding)
    report, lines = await look(mail_worker, options, is_repair=True)
    assert (report.findings, report.left) == (1, bool(undo)), lines
    if undo:
        await mail_worker.run(undo)
    _, lines = await look(mail_worker, options)
    assert lines == []


async def test_mails_that_wait_on_purpose_are_none(
    mail_worker: WorkerForTests, options: dict[str, Any], mail_server: MailServerForTests
) -> None:
    mail_server.answers("DATA", "451 Later")
    await mail_worker.receive(make_message())
    await mail_worker.run("UPDATE notification SET waits_for = 'address', lease_until = NULL,"
                          " next_attempt_at = now() - interval '1 hour'")  # fmt: skip
    _, lines = await look(mail_worker, options)
    assert lines == []
