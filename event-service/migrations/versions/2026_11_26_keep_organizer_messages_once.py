"""keep what an organizer writes to all guests once, until each has a message of it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "8c1d4f7a2e90"
down_revision = "f3a90d6e81c7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organizer_message",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("guest_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("written", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], ondelete="CASCADE"),
    )
    # For the deletion of an event.
    op.create_index("ix_organizer_message_event", "organizer_message", ["event_id"])


def downgrade() -> None:
    op.drop_table("organizer_message")
