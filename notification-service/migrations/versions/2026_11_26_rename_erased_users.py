"""rename ``erased_users`` to ``erased_user``, as all tables are named

Only the previous release uses the view that is left under the old name; the next release drops it.
"""

from service_kit.database.migrations import rename_table, undo_rename_table

revision = "c93b5f1e7a48"
down_revision = "7e41b9d0c2a6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    rename_table("erased_users", "erased_user")


def downgrade() -> None:
    undo_rename_table("erased_users", "erased_user")
