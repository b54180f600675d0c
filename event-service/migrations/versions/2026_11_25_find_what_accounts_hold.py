"""find what erased accounts hold and wait for"""

import sqlalchemy as sa
from alembic import op

from service_kit.database.migrations import build_index

revision = "9a61f0c3d7b8"
down_revision = "e50b7d1c93fa"
branch_labels = None
depends_on = None


def upgrade() -> None:
    build_index(
        "ix_booking_holder",
        "booking",
        ["user_id"],
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    build_index("ix_waitlist_entry_user", "waitlist_entry", ["user_id", "place"])
    build_index(
        "ix_waitlist_entry_smallest",
        "waitlist_entry",
        ["event_id", "quantity"],
        postgresql_where=sa.text("booking_id IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_waitlist_entry_smallest", table_name="waitlist_entry")
    op.drop_index("ix_waitlist_entry_user", table_name="waitlist_entry")
    op.drop_index("ix_booking_holder", table_name="booking")
