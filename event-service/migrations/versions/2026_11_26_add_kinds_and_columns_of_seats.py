"""add the kind and the column of a seat, the rows of a hall and its blocked seats

A row without gaps has its seats in the columns of their numbers, so that ``column_number`` may be NULL:
the release before writes none. Blocked seats have a table of their own, since it would sell them.
"""

import sqlalchemy as sa
from alembic import op

revision = "c2f81a6d4e37"
down_revision = "b70c3e58f1d6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("seat", sa.Column("kind", sa.String(), nullable=False, server_default="standard"))
    op.add_column("seat", sa.Column("column_number", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_seat_kind"),
        "seat",
        "kind IN ('standard', 'accessible')",
        postgresql_not_valid=True,
    )
    op.create_table(
        "seat_row",
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("first_column", sa.Integer(), nullable=False),
        sa.Column("last_column", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name=op.f("fk_seat_row_section_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("section_id", "name", name=op.f("pk_seat_row")),
    )
    op.create_table(
        "blocked_seat",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("row_name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("column_number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_blocked_seat_event_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["section_id"],
            ["section.id"],
            name=op.f("fk_blocked_seat_section_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocked_seat")),
    )
    op.create_index("ix_blocked_seat_event", "blocked_seat", ["event_id", "position"])
    op.create_index("ix_blocked_seat_section", "blocked_seat", ["section_id"])


def downgrade() -> None:
    op.drop_table("blocked_seat")
    op.drop_table("seat_row")
    op.drop_constraint(op.f("ck_seat_kind"), "seat")
    op.drop_column("seat", "column_number")
    op.drop_column("seat", "kind")
