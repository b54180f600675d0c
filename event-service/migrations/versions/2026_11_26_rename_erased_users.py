"""rename ``erased_users`` to ``erased_user``, as all tables are named

Only the previous release uses the view that is left under the old name; the next release drops it.
"""

from service_kit.database.migrations import rename_table, undo_rename_table

revision = "a4e1c7d50b93"
down_revision = "8c1d4f7a2e90"
branch_labels = None
depends_on = None


def upgrade() -> None:
    rename_table("erased_users", "erased_user")


def downgrade() -> None:
    undo_rename_table("erased_users", "erased_user")
