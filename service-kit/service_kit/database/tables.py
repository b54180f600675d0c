"""What every service's ``models`` begin with: names of constraints, and a table behind a model."""

from sqlalchemy import MetaData, Table
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_registry() -> registry:
    """For a service's ``Base``: a registry of its own, so that two services' tables never meet, not
    even in a test."""
    return registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))


def table_of(model: type[SQLModel]) -> Table:
    """The table of a model with ``table=True``; SQLModel's types do not declare it."""
    table: Table = vars(model)["__table__"]
    return table
