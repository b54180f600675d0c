"""Statements of the service as somebody careless would write them."""

from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.sql.selectable import TextualSelect

from service_kit.database.sql_files import SqlStatement


def rewritten(statement: Any, *changes: tuple[str, str]) -> Any:
    """The statement with each ``(old, new)`` put into it, and the same parameters and columns.

    What is not there to be replaced is an error: a control that changes nothing shows nothing.
    """
    if isinstance(statement, SqlStatement):
        return SqlStatement(statement.name, _changed(statement.text, *changes))
    plain: TextClause = statement.element if isinstance(statement, TextualSelect) else statement
    changed = text(_changed(plain.text, *changes)).bindparams(*plain._bindparams.values())
    if isinstance(statement, TextualSelect):
        return changed.columns(*statement.column_args)
    return changed


def _changed(sql: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in sql, old
        sql = sql.replace(old, new)
    return sql
