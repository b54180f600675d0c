"""keep what a change told, also while its mail is sent again"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "7e41b9d0c2a6"
down_revision = "2c7f4e9b60a5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notifications", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    told = postgresql.JSONB(astext_type=sa.Text())
    op.add_column("notifications", sa.Column("told", told, nullable=True))


def downgrade() -> None:
    op.drop_column("notifications", "told")
    op.drop_column("notifications", "told_at")
