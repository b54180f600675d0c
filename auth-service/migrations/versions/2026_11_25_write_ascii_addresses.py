"""write the ASCII forms of the addresses that are there

A batch in each transaction. Of two accounts of one address the second has none: it is found by its
own spelling.
"""

from uuid import UUID

import idna
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "c04b9e6d1f38"
down_revision = "3e8d5a0b7f42"
branch_labels = None
depends_on = None

BATCH = 1000
SOME = sa.text("""
    SELECT id, email FROM account WHERE email_ascii IS NULL AND id > :after ORDER BY id LIMIT :batch
""")
WRITE = sa.text("""
    UPDATE account SET email_ascii = read.form
    FROM (SELECT DISTINCT ON (form) * FROM unnest(:ids, :emails, :forms) AS asked (id, email, form)
        ORDER BY form, id) AS read
    WHERE account.id = read.id AND account.email = read.email AND account.email_ascii IS NULL
        AND NOT EXISTS (SELECT FROM account AS other WHERE other.email_ascii = read.form)
""").bindparams(
    sa.bindparam("ids", type_=ARRAY(sa.Uuid())),
    sa.bindparam("emails", type_=ARRAY(sa.Text())),
    sa.bindparam("forms", type_=ARRAY(sa.Text())),
)


def ascii_form(address: str) -> str:
    """As ``auth_service.addresses.ascii_address`` was at this revision: lower case, the domain by IDNA2008."""
    local, at, domain = address.rpartition("@")
    try:
        if not domain.isascii():
            domain = idna.encode(domain, uts46=True, transitional=False).decode()
    except UnicodeError:
        domain = domain.lower()
    return f"{local}{at}{domain}".lower()


def upgrade() -> None:
    after = UUID(int=0)
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        while rows := connection.execute(SOME, {"after": after, "batch": BATCH}).all():
            connection.execute(
                WRITE,
                {
                    "ids": [row.id for row in rows],
                    "emails": [row.email for row in rows],
                    "forms": [ascii_form(row.email) for row in rows],
                },
            )
            after = rows[-1].id


def downgrade() -> None:
    pass
