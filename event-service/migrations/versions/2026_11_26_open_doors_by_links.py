"""let an organizer give out links for the door of an event, and record what is scanned there"""

import sqlalchemy as sa
from alembic import op

revision = "e2b8740f6c19"
down_revision = "4f6a21c8d03e"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "door_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], ondelete="CASCADE"),
    )
    op.create_index("ix_door_link_event", "door_link", ["event_id", "id"])
    op.create_index("uq_door_link_token_hash", "door_link", ["token_hash"], unique=True)
    op.create_table(
        "door_scan",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("door_link_id", sa.Uuid(), nullable=True),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("seat_id", sa.Uuid(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_admitted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "id"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], ondelete="CASCADE"),
        # A ticket that is cancelled by a process of the release before takes its scans along.
        sa.ForeignKeyConstraint(
            ["booking_id", "seat_id"],
            ["ticket.booking_id", "ticket.seat_id"],
            name="fk_door_scan_ticket",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_door_scan_ticket", "door_scan", ["booking_id", "seat_id"])
    op.create_index(
        "ix_door_scan_conflict",
        "door_scan",
        ["event_id", "received_at", "id"],
        postgresql_where=sa.text("NOT is_admitted"),
    )


def downgrade() -> None:
    op.drop_table("door_scan")
    op.drop_table("door_link")
