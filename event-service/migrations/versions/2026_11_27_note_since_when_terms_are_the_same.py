"""note since which version of an event its price, time, place and hall are the same

Empty for events that nobody has changed since, and out of date after a change by a process of the release
before, which writes a new version and nothing else: then each version counts as another one.
"""

import sqlalchemy as sa
from alembic import op

revision = "a41c07e9d2f6"
down_revision = "5d27a9f0c4b8"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event", sa.Column("terms_version", sa.Integer(), nullable=True))
    op.add_column("event", sa.Column("terms_checked_version", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("event", "terms_checked_version")
    op.drop_column("event", "terms_version")
