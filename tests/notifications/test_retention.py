"""Mails are deleted when they are older than ``KEEP_DAYS``."""

from notification_service.delivery.retention import delete_expired
from tests.notifications.conftest import WorkerForTests
from tests.notifications.mail_server import MailServerForTests
from tests.notifications.messages import make_message

OLD = {"created_at": "now() - interval '401 days'"}


async def test_finished_mails_are_deleted_when_they_are_old_and_others_are_kept(
    mail_worker: WorkerForTests, mail_server: MailServerForTests
) -> None:
    old, young, unsent = make_message(), make_message(), make_message()
    await mail_worker.receive(old, young)
    mail_server.answers("DATA", "451 Later")
    await mail_worker.receive(unsent)
    for message in (old, unsent):
        await mail_worker.change(message, **OLD)

    await delete_expired(mail_worker.context)

    kept = set(await mail_worker.run("SELECT id::text FROM notification"))
    assert kept == {young["id"], unsent["id"]}


async def test_what_is_stored_beside_mails_is_deleted_with_its_own_age(
    mail_worker: WorkerForTests,
) -> None:
    first = make_message()
    await mail_worker.receive(first, make_message(dedup_key=first["dedup_key"]))
    await mail_worker.receive(make_message(dedup_key=first["dedup_key"]))
    tables = {
        "seen_message": "seen_at = now() - interval '31 days'",
        "event_snapshot": "ends_at = now() - interval '401 days'",
        "mail_allowance": "used_at = now() - interval '61 minutes'",
    }
    counts = {table: f"SELECT count(*) FROM {table}" for table in tables}
    await delete_expired(mail_worker.context)
    for table, aged in tables.items():
        assert (await mail_worker.run(counts[table]))[0] > 0
        await mail_worker.run(f"UPDATE {table} SET {aged}")

    await delete_expired(mail_worker.context)

    for table in tables:
        assert await mail_worker.run(counts[table]) == [0]
