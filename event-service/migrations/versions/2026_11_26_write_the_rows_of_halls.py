"""write the rows of the halls that are there, of events that are not over

A batch of sections in each transaction. A row that the release before adds meanwhile is missing, and taken
to be as wide as its free seats.
"""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "e6307f1c85da"
down_revision = "d91b5e703ac4"
branch_labels = None
depends_on = None

BATCH = 50
SOME = sa.text("""
    WITH batch AS MATERIALIZED (
        SELECT section.id, event.ends_at > now() AS is_needed
        FROM section JOIN event ON event.id = section.event_id
        WHERE section.id > :after ORDER BY section.id LIMIT :batch
    ), written AS (
        INSERT INTO seat_row (section_id, name, position, first_column, last_column)
        SELECT section_id, row_name, row_number() OVER (
                PARTITION BY section_id ORDER BY min(seat.position)
            ) - 1, 1, max(number)
        FROM batch JOIN seat ON seat.section_id = batch.id
        WHERE is_needed
        GROUP BY section_id, row_name
        ON CONFLICT DO NOTHING
    )
    SELECT id FROM batch ORDER BY id DESC LIMIT 1
""")


def upgrade() -> None:
    after: UUID | None = UUID(int=0)
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        while after is not None:
            after = connection.scalar(SOME, {"after": after, "batch": BATCH})
        op.execute("ALTER TABLE seat VALIDATE CONSTRAINT ck_seat_kind")


def downgrade() -> None:
    pass
