"""find events by city and category, whatever accents and case"""

import sqlalchemy as sa
from alembic import op

from service_kit.database.migrations import build_index

revision = "f3a90d6e81c7"
down_revision = "d85c2b7e4f10"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("city", "category"):
        build_index(
            f"ix_event_{column}_plain",
            "event",
            [sa.text(f"event_plain({column})"), "starts_at", "id"],
            postgresql_where=sa.text("status = 'published'"),
        )
    op.execute(
        "CREATE STATISTICS IF NOT EXISTS event_place_plain"
        " ON event_plain(city), event_plain(category) FROM event"
    )
    op.execute("ANALYZE event, event_search, search_spelling")


def downgrade() -> None:
    op.execute("DROP STATISTICS event_place_plain")
    for column in ("city", "category"):
        op.drop_index(f"ix_event_{column}_plain", table_name="event")
