"""find seats by section: who removes a section asks whether it has seats"""

import sqlalchemy as sa
from alembic import op

from service_kit.database.migrations import build_index

revision = "7d20c4a96e51"
down_revision = "4d8e2a5b17c6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    build_index(
        "ix_seat_section",
        "seat",
        ["section_id"],
        postgresql_where=sa.text("section_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_seat_section", "seat")
