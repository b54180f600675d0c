"""add the moment until which guests may cancel"""

import sqlalchemy as sa
from alembic import op

revision = "b2a9f47e60d5"
down_revision = "e50b7d1c93fa"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "event", sa.Column("cancellation_deadline", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_check_constraint(
        op.f("ck_event_cancellation_deadline"), "event", "cancellation_deadline <= ends_at"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_event_cancellation_deadline"), "event", type_="check")
    op.drop_column("event", "cancellation_deadline")
