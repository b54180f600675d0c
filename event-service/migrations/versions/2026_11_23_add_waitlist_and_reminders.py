"""add waitlist and reminders"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "7a952ea723e9"
down_revision = "99d7c83cd4f5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "waitlist_entry",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("times_passed", sa.Integer(), nullable=False),
        sa.Column("joined_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("quantity >= 1", name=op.f("ck_waitlist_entry_quantity")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["booking.id"], name=op.f("fk_waitlist_entry_booking_id")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_waitlist_entry_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", "user_id", name=op.f("pk_waitlist_entry")),
    )
    op.create_index(
        "ix_waitlist_entry_waiting",
        "waitlist_entry",
        ["event_id", "place"],
        unique=False,
        postgresql_where=sa.text("booking_id IS NULL"),
    )
    op.create_index(
        "uq_waitlist_entry_booking",
        "waitlist_entry",
        ["booking_id"],
        unique=True,
        postgresql_where=sa.text("booking_id IS NOT NULL"),
    )
    op.add_column(
        "booking", sa.Column("reminded_of", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("booking", "reminded_of")
    op.drop_index(
        "uq_waitlist_entry_booking",
        table_name="waitlist_entry",
        postgresql_where=sa.text("booking_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_waitlist_entry_waiting",
        table_name="waitlist_entry",
        postgresql_where=sa.text("booking_id IS NULL"),
    )
    op.drop_table("waitlist_entry")
