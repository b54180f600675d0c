"""keep versions of events, hold mails back, note erasures"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "5b0c6c1f7d21"
down_revision = "dab0dcb4ef3f"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "notifications", sa.Column("version", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("notifications", sa.Column("waits_for", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("ck_notifications_known_reason_to_wait"),
        "notifications",
        "waits_for IN ('address', 'allowance', 'confirmation')",
        postgresql_not_valid=True,
    )
    op.create_table(
        "event_snapshots",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("snapshot", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_snapshots")),
    )
    op.create_index("ix_event_snapshots_ends_at", "event_snapshots", ["ends_at"])
    op.create_table(
        "mail_allowances",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("sent", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_mail_allowances")),
    )
    op.create_index("ix_mail_allowances_used_at", "mail_allowances", ["used_at"])
    op.create_table(
        "erased_users",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_erased_users")),
    )


def downgrade() -> None:
    op.drop_table("erased_users")
    op.drop_table("mail_allowances")
    op.drop_table("event_snapshots")
    op.drop_constraint(op.f("ck_notifications_known_reason_to_wait"), "notifications")
    op.drop_column("notifications", "waits_for")
    op.drop_column("notifications", "version")
