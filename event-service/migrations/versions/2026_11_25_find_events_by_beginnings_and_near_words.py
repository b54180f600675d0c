"""find events by beginnings and near words, whatever accents and case

The next revision fills it. What the release before reads (``search`` and the indexes on ``lower()``)
stays for it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "7b1e4c90a2d6"
down_revision = "0d6f5b7c2a14"
branch_labels = None
depends_on = None

# ``unaccent()`` may be told of other rules, so PostgreSQL takes it for changeable, and no index may
# use it. These rules are the extension's own. A dump is restored with an empty search_path.
_FUNCTIONS = """
CREATE FUNCTION event_plain(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(public.unaccent('public.unaccent'::regdictionary, value));

CREATE FUNCTION event_words(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN btrim(regexp_replace(event_plain(value), '[^[:alnum:]]+', ' ', 'g'));

-- Words as they are and their stems, of a text that event_words() has made.
CREATE FUNCTION event_lexemes(words text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN to_tsvector('pg_catalog.simple', words) || to_tsvector('pg_catalog.russian', words);

CREATE FUNCTION event_vector(title text, place text, description text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN setweight(event_lexemes(event_words(title)), 'A')
    || setweight(event_lexemes(event_words(place)), 'B')
    || setweight(event_lexemes(event_words(description)), 'C');

-- A word, and all that it is without one of its letters: two words of which one is a typo of the other
-- have one of these in common.
CREATE FUNCTION event_spellings(word text) RETURNS SETOF text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT word UNION
    SELECT overlay(word PLACING '' FROM n FOR 1) FROM generate_series(1, length(word)) AS n;
END;
"""

# Words of other transactions are not waited for: a word that two add at once is there twice.
_REFRESH = """
CREATE FUNCTION event_search_refresh() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    vector tsvector := event_vector(NEW.title, NEW.venue || ' ' || NEW.city, NEW.description);
BEGIN
    INSERT INTO event_search (event_id, title, words)
    VALUES (NEW.id, event_lexemes(event_words(NEW.title)), vector)
    ON CONFLICT (event_id) DO UPDATE SET title = excluded.title, words = excluded.words;
    IF NEW.status = 'published' THEN
        INSERT INTO search_spelling (spelling, word)
        SELECT event_spellings(lexeme), lexeme FROM (
            SELECT lexeme FROM unnest(vector)
            WHERE length(lexeme) BETWEEN 4 AND 40 AND lexeme !~ '[0-9]' AND NOT EXISTS (
                SELECT FROM search_spelling WHERE spelling = lexeme AND word = lexeme
            )
            ORDER BY positions[1] LIMIT 500
        ) AS unknown;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER event_search AFTER INSERT OR UPDATE OF title, venue, city, description, status
ON event FOR EACH ROW EXECUTE FUNCTION event_search_refresh();
"""


def _execute(statements: str) -> None:
    """One after the other; an empty line stands between."""
    for statement in statements.split(";\n\n"):
        op.execute(statement)


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public")
    _execute(_FUNCTIONS)
    op.create_table(
        "event_search",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("title", postgresql.TSVECTOR(), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_event_search_event_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_search")),
    )
    op.create_table(
        "search_spelling",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("spelling", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_spelling")),
    )
    op.create_index("ix_search_spelling", "search_spelling", ["spelling", "word"])
    for column in ("title", "words"):
        op.create_index(
            f"ix_event_search_{column}",
            "event_search",
            [column],
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        )
    _execute(_REFRESH)


def downgrade() -> None:
    op.execute("DROP TRIGGER event_search ON event")
    op.drop_table("search_spelling")
    op.drop_table("event_search")
    # Each after those that call it.
    for function in (
        "event_search_refresh()",
        "event_spellings(text)",
        "event_vector(text, text, text)",
        "event_lexemes(text)",
        "event_words(text)",
        "event_plain(text)",
    ):
        op.execute(f"DROP FUNCTION {function}")
