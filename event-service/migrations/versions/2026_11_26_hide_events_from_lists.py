"""let an event be bookable and in no list, as the one that the smoke test books is"""

import sqlalchemy as sa
from alembic import op

revision = "3c9f60b8d1e5"
down_revision = "c90e4b7d15f2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a default of the server, since processes of the release before insert events.
    op.add_column(
        "event",
        sa.Column("is_listed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("event", "is_listed")
