"""What becomes of mails after a restore: nothing that was sent is sent again, as far as that can be known.

Mails that had been sent when the backup was taken are sent ones in it. Those that were on their way then, and
those that the services write anew (reminders, ends of holds), may have been sent since:

- Where the database of before the restore is there, it says which were: its rows take the place of the
  restored ones. A message that is written anew has the same key, and finds its mail sent.
- Else the mails that were on their way are held, as failed ones with a reason, until a person looks.
"""

from datetime import datetime

from deployment import swap
from deployment.archive import Manifest
from deployment.postgres import Part, Server, pipeline
from deployment.snapshot import HEADS

NOTIFICATIONS = "notifications"
OUTBOXES = ("events", "auth")
COLUMNS = """
    SELECT string_agg(quote_ident(column_name), ', ' ORDER BY column_name)
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'notification'
"""
# An hour more, because the backup's moment and a mail's are not of one clock.
SENT_SINCE = """
    COPY (
        SELECT {columns} FROM notification
        WHERE greatest(sent_at, told_at) > timestamptz '{taken_at}' - interval '1 hour'
            OR status = 'sending'
    ) TO STDOUT
"""
MERGE = """
    DELETE FROM notification USING sent_since AS later
    WHERE notification.dedup_key = later.dedup_key OR notification.id = later.id;
    INSERT INTO notification ({columns}) SELECT {columns} FROM sent_since ON CONFLICT DO NOTHING;
    UPDATE notification SET status = 'failed', lease_until = NULL, fence = fence + 1,
        last_error = 'Held after a restore: it was being sent when the services were stopped.'
    WHERE status = 'sending' AND id IN (SELECT id FROM sent_since);
    DROP TABLE sent_since;
"""
ON_THEIR_WAY = (
    "SELECT message FROM outbox WHERE confirmed_at IS NULL AND task = 'notifications.send'"
)
HELD = "SELECT count(*) FROM notification WHERE last_error LIKE 'Held after a restore:%'"


def knows_what_was_sent(server: Server, manifest: Manifest, old: str) -> bool:
    """Whether ``old`` is the database that the backup was taken of, with all that was sent since: of the same
    server, of the same schema as the restored one, and with the newest mail of the backup."""
    if not swap.exists(server, old) or _system(server) != manifest.system:
        return False
    if server.query(HEADS, old) != server.query(HEADS, NOTIFICATIONS):
        return False
    newest = server.value("SELECT max(id::text) FROM notification", NOTIFICATIONS)
    known = f"SELECT count(*) FROM notification WHERE id = '{newest}'"
    return not newest or server.value(known, old) == "1"


def _system(server: Server) -> str:
    return server.value("SELECT system_identifier FROM pg_control_system()")


def take_over_sent(server: Server, taken_at: datetime, old: str) -> int:
    """Takes over from ``old`` what was sent since the backup; how many mails. Both have the same schema."""
    columns = server.value(COLUMNS, NOTIFICATIONS)
    server.query(
        "DROP TABLE IF EXISTS sent_since; CREATE UNLOGGED TABLE sent_since (LIKE notification)",
        NOTIFICATIONS,
    )
    copy = SENT_SINCE.format(columns=columns, taken_at=taken_at.isoformat())
    source = Part([*server.psql(old), "-c", copy])
    target = f"COPY sent_since ({columns}) FROM STDIN"
    with pipeline(source, Part([*server.psql(NOTIFICATIONS), "-c", target])):
        pass
    count = int(server.value("SELECT count(*) FROM sent_since", NOTIFICATIONS))
    server.query(f"BEGIN; {MERGE.format(columns=columns)} COMMIT", NOTIFICATIONS)
    return count


def hold_unsent(server: Server, hold: Part) -> None:
    """Holds all unsent mails, and those that the outboxes still have to bring. ``hold`` is the command of
    notification-service that reads these."""
    for database in OUTBOXES:
        source = Part([*server.psql(database), "-c", ON_THEIR_WAY])
        with pipeline(source, hold):
            pass


def count_held(server: Server) -> int:
    return int(server.value(HELD, NOTIFICATIONS))
