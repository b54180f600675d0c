"""find accounts by their addresses' ASCII forms, of which there are none yet"""

import sqlalchemy as sa
from alembic import op

from service_kit.database.migrations import build_index

revision = "3e8d5a0b7f42"
down_revision = "6b0f3f6a8c1d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    build_index("uq_account_email_ascii", "account", ["email_ascii"], unique=True)
    build_index(
        "ix_account_email_unread",
        "account",
        ["id"],
        postgresql_where=sa.text("email_ascii IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_account_email_unread", table_name="account")
    op.drop_index("uq_account_email_ascii", table_name="account")
