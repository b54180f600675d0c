"""create notifications"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "dab0dcb4ef3f"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=50), nullable=False),
        sa.Column("dedup_key", sa.String(length=300), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("resends", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("give_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("timeline", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'sent') = (sent_at IS NOT NULL)",
            name=op.f("ck_notifications_sent_has_its_time"),
        ),
        sa.CheckConstraint(
            "status <> 'failed' OR last_error IS NOT NULL",
            name=op.f("ck_notifications_failed_says_why"),
        ),
        sa.CheckConstraint(
            "status <> 'sending' OR lease_until IS NOT NULL",
            name=op.f("ck_notifications_sending_is_leased"),
        ),
        sa.CheckConstraint(
            "status IN ('queued', 'sending', 'sent', 'failed', 'dropped')",
            name=op.f("ck_notifications_known_status"),
        ),
        sa.CheckConstraint(
            "user_id IS NOT NULL OR status = 'failed'",
            name=op.f("ck_notifications_sent_to_somebody"),
        ),
        sa.CheckConstraint(
            "attempts >= 0 AND crashes >= 0 AND resends >= 0 AND fence >= 0",
            name=op.f("ck_notifications_counts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("dedup_key", name=op.f("uq_notifications_dedup_key")),
    )
    op.create_index(
        "ix_notifications_booking",
        "notifications",
        ["booking_id", "kind"],
        unique=False,
        postgresql_where=sa.text("booking_id IS NOT NULL"),
    )
    op.create_index(
        "ix_notifications_created",
        "notifications",
        ["created_at"],
        unique=False,
        postgresql_using="brin",
    )
    op.create_index(
        "ix_notifications_due",
        "notifications",
        [sa.literal_column("GREATEST(next_attempt_at, lease_until)")],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'sending')"),
    )
    op.create_index(
        "ix_notifications_failed",
        "notifications",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'failed'"),
    )
    op.create_index(
        "ix_notifications_unsent",
        "notifications",
        ["wanted_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'sending')"),
    )
    op.create_index("ix_notifications_user", "notifications", ["user_id", "id"], unique=False)
    op.create_index(
        "ix_notifications_user_kind", "notifications", ["user_id", "kind", "event_id"], unique=False
    )
    op.create_index(
        "ix_notifications_user_status", "notifications", ["user_id", "status", "id"], unique=False
    )
    op.create_table(
        "preferences",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("event_reminders", sa.Boolean(), nullable=False),
        sa.Column("unsubscribe_token", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_preferences")),
        sa.UniqueConstraint("unsubscribe_token", name=op.f("uq_preferences_unsubscribe_token")),
    )
    op.create_table(
        "seen_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seen_messages")),
    )
    op.create_index("ix_seen_messages_seen_at", "seen_messages", ["seen_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_seen_messages_seen_at", table_name="seen_messages")
    op.drop_table("seen_messages")
    op.drop_table("preferences")
    op.drop_index("ix_notifications_user_status", table_name="notifications")
    op.drop_index("ix_notifications_user_kind", table_name="notifications")
    op.drop_index("ix_notifications_user", table_name="notifications")
    op.drop_index(
        "ix_notifications_unsent",
        table_name="notifications",
        postgresql_where=sa.text("status IN ('queued', 'sending')"),
    )
    op.drop_index(
        "ix_notifications_failed",
        table_name="notifications",
        postgresql_where=sa.text("status = 'failed'"),
    )
    op.drop_index(
        "ix_notifications_due",
        table_name="notifications",
        postgresql_where=sa.text("status IN ('queued', 'sending')"),
    )
    op.drop_index("ix_notifications_created", table_name="notifications", postgresql_using="brin")
    op.drop_index(
        "ix_notifications_booking",
        table_name="notifications",
        postgresql_where=sa.text("booking_id IS NOT NULL"),
    )
    op.drop_table("notifications")
