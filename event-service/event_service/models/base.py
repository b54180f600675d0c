"""The base of this service's tables."""

from sqlalchemy import Index, text
from sqlalchemy.sql.elements import TextClause
from sqlmodel import SQLModel

from service_kit.database.tables import new_registry


class Base(SQLModel, registry=new_registry()):
    """The base of this service's tables."""


def partial_index(name: str, *columns: str | TextClause, where: str, unique: bool = False) -> Index:
    """An index of the rows for which ``where`` (SQL) is true."""
    return Index(name, *columns, unique=unique, postgresql_where=text(where))
