"""find free seats of a section, and free accessible seats, in the order of the hall"""

import sqlalchemy as sa
from alembic import op

from service_kit.database.migrations import build_index

revision = "d91b5e703ac4"
down_revision = "c2f81a6d4e37"
branch_labels = None
depends_on = None


def upgrade() -> None:
    build_index(
        "ix_seat_free_section",
        "seat",
        ["section_id", "position"],
        postgresql_where=sa.text("booking_id IS NULL AND section_id IS NOT NULL"),
    )
    build_index(
        "ix_seat_free_accessible",
        "seat",
        ["event_id", "position"],
        postgresql_where=sa.text("booking_id IS NULL AND kind = 'accessible'"),
    )


def downgrade() -> None:
    op.drop_index("ix_seat_free_accessible", "seat")
    op.drop_index("ix_seat_free_section", "seat")
