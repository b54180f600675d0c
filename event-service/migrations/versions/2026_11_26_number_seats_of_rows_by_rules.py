"""number the seats of a row from either side, odd or even, and keep the gaps behind its last seat

The release before numbers from the left: what it writes is what ``numbering`` says by default.
"""

import sqlalchemy as sa
from alembic import op

revision = "5d27a9f0c4b8"
down_revision = "91d5c3e07b4a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("seat_row", sa.Column("width", sa.Integer(), nullable=True))
    op.add_column(
        "seat_row", sa.Column("numbering", sa.String(), nullable=False, server_default="left")
    )


def downgrade() -> None:
    op.drop_column("seat_row", "numbering")
    op.drop_column("seat_row", "width")
