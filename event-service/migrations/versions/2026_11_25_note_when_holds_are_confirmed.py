"""note when a hold was confirmed"""

import sqlalchemy as sa
from alembic import op

revision = "4d8e2a5b17c6"
down_revision = "b2a9f47e60d5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("booking", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("booking", "confirmed_at")
