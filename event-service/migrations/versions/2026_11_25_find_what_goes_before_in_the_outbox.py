"""find what goes before a message in the outbox"""

import sqlalchemy as sa
from alembic import op

from service_kit.database.migrations import build_index

revision = "0d6f5b7c2a14"
down_revision = "7d20c4a96e51"
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
