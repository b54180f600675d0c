"""bind links to credentials, keep addresses in ascii, tell of erasures"""

import sqlalchemy as sa
from alembic import op

revision = "6b0f3f6a8c1d"
down_revision = "f48d4a21f3df"
branch_labels = None
depends_on = None

# A process of the release before, which runs on while this one comes (or after it was taken back),
# writes addresses and knows nothing of their ASCII form: one that is there would be an abandoned
# address's. PostgreSQL can write that of an ASCII address itself; maintenance writes the others.
TRIGGER = (
    """
    CREATE FUNCTION account_email_ascii() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.email !~ '[^[:ascii:]]' THEN
            NEW.email_ascii := lower(NEW.email COLLATE "C");
        ELSIF TG_OP = 'UPDATE' AND NEW.email_ascii IS NOT DISTINCT FROM OLD.email_ascii THEN
            NEW.email_ascii := NULL;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER account_email_ascii BEFORE INSERT OR UPDATE OF email ON account
    FOR EACH ROW EXECUTE FUNCTION account_email_ascii()
    """,
)


def upgrade() -> None:
    op.add_column("account", sa.Column("email_ascii", sa.String(length=320), nullable=True))
    op.add_column(
        "account",
        sa.Column("credentials_version", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    for statement in TRIGGER:
        op.execute(statement)
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


def downgrade() -> None:
    op.drop_index("ix_erasure_due", table_name="erasure")
    op.drop_table("erasure")
    op.execute("DROP TRIGGER account_email_ascii ON account")
    op.execute("DROP FUNCTION account_email_ascii()")
    op.drop_column("account", "credentials_version")
    op.drop_column("account", "email_ascii")
