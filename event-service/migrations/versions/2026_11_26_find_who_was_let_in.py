"""find the bookings with which somebody was let in"""

import sqlalchemy as sa
from alembic import op

from service_kit.database.migrations import build_index

revision = "b70c3e58f1d6"
down_revision = "5e1b7c90d2a4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    build_index(
        "ix_ticket_checked_in",
        "ticket",
        ["booking_id"],
        postgresql_where=sa.text("checked_in_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_ticket_checked_in", table_name="ticket")
