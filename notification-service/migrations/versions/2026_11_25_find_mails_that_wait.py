"""find mails that wait, and what is later about an event

``ix_notifications_user_kind``, ``_due`` and ``_unsent`` stay for this release: workers of the one before
look for mails by them, and may run beside this one or after it was taken back.
"""

import sqlalchemy as sa
from alembic import op

from service_kit.database.migrations import build_index

revision = "2c7f4e9b60a5"
down_revision = "5b0c6c1f7d21"
branch_labels = None
depends_on = None

UNSENT = "status IN ('queued', 'sending')"
DUE_AT = "GREATEST(next_attempt_at, lease_until)"


def upgrade() -> None:
    # Reads all rows, but keeps nobody waiting.
    op.execute(
        "ALTER TABLE notifications VALIDATE CONSTRAINT ck_notifications_known_reason_to_wait"
    )
    build_index("ix_notifications_user_event", "notifications", ["user_id", "event_id", "kind"])
    build_index(
        "ix_notifications_swept",
        "notifications",
        [sa.text(DUE_AT)],
        postgresql_where=sa.text(f"{UNSENT} AND waits_for IS DISTINCT FROM 'address'"),
    )
    build_index(
        "ix_notifications_awaits_address",
        "notifications",
        ["next_attempt_at"],
        postgresql_where=sa.text("waits_for = 'address'"),
    )
    build_index(
        "ix_notifications_waiting",
        "notifications",
        ["waits_for"],
        postgresql_where=sa.text("waits_for IS NOT NULL"),
    )
    build_index(
        "ix_notifications_overdue",
        "notifications",
        ["wanted_at"],
        postgresql_where=sa.text(f"{UNSENT} AND waits_for IS NULL"),
    )


def downgrade() -> None:
    for added in ("user_event", "swept", "awaits_address", "waiting", "overdue"):
        op.drop_index(f"ix_notifications_{added}", table_name="notifications")
