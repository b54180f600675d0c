"""keep the tickets that guests cancel out of bookings that go on"""

import sqlalchemy as sa
from alembic import op

revision = "b7d2f05c91e4"
down_revision = "5b0e93d7c4a1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cancelled_ticket",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("seat_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("section", sa.String(), nullable=True),
        sa.Column("row_name", sa.String(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("booking_id", "seat_id", name="pk_cancelled_ticket"),
        sa.ForeignKeyConstraint(
            ["booking_id"],
            ["booking.id"],
            name="fk_cancelled_ticket_booking_id",
            ondelete="CASCADE",
        ),
    )


def downgrade() -> None:
    op.drop_table("cancelled_ticket")
