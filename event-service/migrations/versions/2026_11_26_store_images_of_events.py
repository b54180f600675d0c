"""store the images of events"""

import sqlalchemy as sa
from alembic import op

revision = "4f6a21c8d03e"
down_revision = "3c9f60b8d1e5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event", sa.Column("image_hash", sa.String(), nullable=True))
    op.create_table(
        "event_image",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "width"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], ondelete="CASCADE"),
    )
    # WebP is compressed: PostgreSQL would try in vain.
    op.execute("ALTER TABLE event_image ALTER COLUMN content SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("event_image")
    op.drop_column("event", "image_hash")
