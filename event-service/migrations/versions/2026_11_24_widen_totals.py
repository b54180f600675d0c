"""widen totals: a hundred dear seats cost more minor units than fit in four bytes"""

import sqlalchemy as sa
from alembic import op

revision = "5e0b9d2f8c13"
down_revision = "c41f6d20b7ae"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("booking", "total", type_=sa.BigInteger())


def downgrade() -> None:
    op.alter_column("booking", "total", type_=sa.Integer())
