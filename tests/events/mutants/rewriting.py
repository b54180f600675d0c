"""Statements of the service as somebody careless would write them."""

from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.sql.selectable import TextualSelect


def rewritten(statement: Any, *changes: tuple[str, str]) -> Any:
    """The statement with each ``(old, new)`` put into it, and the same parameters and columns.

    What is not there to be replaced is an error: a control that changes nothing shows nothing.
    """
    plain: TextClause = statement.element if isinstance(statement, TextualSelect) else statement
    sql = plain.text
    for old, new in changes:
        assert old in sql, old
        sql = sql.replace(old, new)
    changed = text(sql).bindparams(*plain._bindparams.values())
    if isinstance(statement, TextualSelect):
        return changed.columns(*statement.column_args)
    return changed
