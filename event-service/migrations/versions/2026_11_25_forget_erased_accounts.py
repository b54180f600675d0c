"""note erased accounts, and find what they hold and wait for"""

import sqlalchemy as sa
from alembic import op

revision = "e50b7d1c93fa"
down_revision = "5e0b9d2f8c13"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erased_users",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_erased_users")),
    )
    op.create_index(
        "ix_booking_holder",
        "booking",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index("ix_waitlist_entry_user", "waitlist_entry", ["user_id", "place"], unique=False)
    op.create_index(
        "ix_waitlist_entry_smallest",
        "waitlist_entry",
        ["event_id", "quantity"],
        unique=False,
        postgresql_where=sa.text("booking_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_waitlist_entry_smallest", table_name="waitlist_entry")
    op.drop_index("ix_waitlist_entry_user", table_name="waitlist_entry")
    op.drop_index("ix_booking_holder", table_name="booking")
    op.drop_table("erased_users")
