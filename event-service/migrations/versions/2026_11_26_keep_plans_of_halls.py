"""keep plans of halls for later events"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "91d5c3e07b4a"
down_revision = "e2b8740f6c19"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hall_template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("sections", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_hall_template_owner", "hall_template", ["owner_id", "id"])


def downgrade() -> None:
    op.drop_table("hall_template")
