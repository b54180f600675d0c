"""name the guests of bookings, and who waits"""

import sqlalchemy as sa
from alembic import op

revision = "5e1b7c90d2a4"
down_revision = "a4e1c7d50b93"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("booking", "waitlist_entry"):
        op.add_column(table, sa.Column("guest_name", sa.String(), nullable=True))


def downgrade() -> None:
    for table in ("waitlist_entry", "booking"):
        op.drop_column(table, "guest_name")
