"""bind links to credentials, keep addresses in ascii, tell of erasures"""

import sqlalchemy as sa
from alembic import op

from auth_service.accounts.addresses import ascii_address

revision = "6b0f3f6a8c1d"
down_revision = "f48d4a21f3df"
branch_labels = None
depends_on = None

BATCH = 1000


def upgrade() -> None:
    op.add_column("account", sa.Column("email_ascii", sa.String(length=320), nullable=True))
    op.add_column(
        "account",
        sa.Column("credentials_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    _write_ascii_forms()
    op.create_index("uq_account_email_ascii", "account", ["email_ascii"], unique=True)
    op.create_table(
        "erasure",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.String(length=50), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("user_id", "service", name=op.f("pk_erasure")),
    )
    op.create_index("ix_erasure_due", "erasure", ["next_attempt_at"], unique=False)


def _write_ascii_forms() -> None:
    """In SQL where the address is ASCII, as nearly all are."""
    connection = op.get_bind()
    connection.execute(
        sa.text("UPDATE account SET email_ascii = lower(email) WHERE email !~ '[^[:ascii:]]'")
    )
    while True:
        rows = connection.execute(
            sa.text("SELECT id, email FROM account WHERE email_ascii IS NULL LIMIT :batch"),
            {"batch": BATCH},
        ).all()
        if not rows:
            return
        connection.execute(
            sa.text("UPDATE account SET email_ascii = :ascii WHERE id = :id"),
            [{"id": row.id, "ascii": ascii_address(row.email)} for row in rows],
        )


def downgrade() -> None:
    op.drop_index("ix_erasure_due", table_name="erasure")
    op.drop_table("erasure")
    op.drop_index("uq_account_email_ascii", table_name="account")
    op.drop_column("account", "credentials_version")
    op.drop_column("account", "email_ascii")
