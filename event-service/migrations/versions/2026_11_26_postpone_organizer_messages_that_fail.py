"""postpone an organizer's message whose batch fails, so that it does not hold up the later ones"""

import sqlalchemy as sa
from alembic import op

revision = "5b0e93d7c4a1"
down_revision = "e6307f1c85da"
branch_labels = None
depends_on = None

TABLE = "organizer_message"


def upgrade() -> None:
    # Defaults of the server, since processes of the release before insert rows.
    op.add_column(
        TABLE, sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        TABLE,
        sa.Column(
            "next_attempt_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
    )


def downgrade() -> None:
    op.drop_column(TABLE, "next_attempt_at")
    op.drop_column(TABLE, "attempts")
