"""write the words of the events that are there

A batch in each transaction; what changes meanwhile is written by the trigger.
"""

from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "d85c2b7e4f10"
down_revision = "7b1e4c90a2d6"
branch_labels = None
depends_on = None

BATCH = 500
SOME = sa.text("""
    WITH batch AS MATERIALIZED (
        SELECT id, title, venue, city, description FROM event WHERE id > :after ORDER BY id LIMIT :batch
    ), written AS (
        INSERT INTO event_search (event_id, title, words)
        SELECT id, event_lexemes(event_words(title)),
            event_vector(title, venue || ' ' || city, description)
        FROM batch
        ON CONFLICT DO NOTHING
    )
    SELECT id FROM batch ORDER BY id DESC LIMIT 1
""")
WORDS = """
    INSERT INTO search_spelling (spelling, word)
    SELECT event_spellings(word), word FROM (
        SELECT DISTINCT lexeme AS word FROM event_search
        JOIN event ON event.id = event_id, unnest(words)
        WHERE status = 'published' AND length(lexeme) BETWEEN 4 AND 40 AND lexeme !~ '[0-9]'
    ) AS known
    WHERE NOT EXISTS (SELECT FROM search_spelling WHERE spelling = word AND search_spelling.word = known.word)
"""


def upgrade() -> None:
    after: UUID | None = UUID(int=0)
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        while after is not None:
            after = connection.scalar(SOME, {"after": after, "batch": BATCH})
        # It reads tables that others go on changing, and adds words that nobody waits for.
        op.execute(WORDS)


def downgrade() -> None:
    pass
