"""say who organizes an event, how its price is paid and when its doors open

No CHECK on the order of times: a process of the release before moves the start and knows nothing of
the doors.
"""

import sqlalchemy as sa
from alembic import op

revision = "c90e4b7d15f2"
down_revision = "b7d2f05c91e4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event", sa.Column("organizer_name", sa.String(), nullable=True))
    op.add_column("event", sa.Column("payment_note", sa.String(), nullable=True))
    op.add_column("event", sa.Column("doors_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("event", "doors_at")
    op.drop_column("event", "payment_note")
    op.drop_column("event", "organizer_name")
