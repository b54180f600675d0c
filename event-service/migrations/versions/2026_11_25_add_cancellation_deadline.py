"""add the moment until which guests may cancel

No CHECK that it is not after the end: a process of the release before, which moves the end and knows
nothing of it, would fail. The earlier of the two counts.
"""

import sqlalchemy as sa
from alembic import op

revision = "b2a9f47e60d5"
down_revision = "9a61f0c3d7b8"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "event", sa.Column("cancellation_deadline", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("event", "cancellation_deadline")
