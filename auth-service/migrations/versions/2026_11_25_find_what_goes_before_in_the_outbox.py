"""find what goes before a message in the outbox"""

import sqlalchemy as sa
from alembic import op

from service_kit.database.migrations import build_index

revision = "91c4e2d7b0f3"
down_revision = "c04b9e6d1f38"
branch_labels = None
depends_on = None


def upgrade() -> None:
    build_index(
        "ix_outbox_waiting_user",
        "outbox",
        [sa.text("(message->>'user_id')")],
        postgresql_where=sa.text("published_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_waiting_user", table_name="outbox")
