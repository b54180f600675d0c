"""rename tables to the singular, as all are named

Only the previous release uses the views that are left under the old names; the next release drops them.
"""

from service_kit.database.migrations import rename_table, undo_rename_table

revision = "1f6a84d3c072"
down_revision = "c93b5f1e7a48"
branch_labels = None
depends_on = None

NAMES = {
    "notifications": "notification",
    "seen_messages": "seen_message",
    "preferences": "preference",
    "event_snapshots": "event_snapshot",
    "mail_allowances": "mail_allowance",
}


def upgrade() -> None:
    for old, new in NAMES.items():
        rename_table(old, new)


def downgrade() -> None:
    for old, new in NAMES.items():
        undo_rename_table(old, new)
