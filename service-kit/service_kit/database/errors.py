"""What an error of the database means, by its SQLSTATE (PostgreSQL, appendix A)."""

import errno
import socket
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# Class 08 connection exceptions, 53 insufficient resources, 57P0x shutdown; then what a retry may mend.
_UNAVAILABLE_CLASSES = ("08", "53", "57P")
LOCK_NOT_AVAILABLE = "55P03"
RETRYABLE = frozenset({"40001", "40P01"})
_BUSY = frozenset({LOCK_NOT_AVAILABLE, "57014"}) | RETRYABLE
_BAD_TEXT = frozenset({"22021", "22P05"})
# Of a host that is not there, for which Python has no class of its own.
_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN})


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five-character code of an error, if it has one.

    SQLAlchemy wraps what asyncpg raises in a statement and passes on what it raises in connecting.
    """
    original: Any = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None)
    return state if isinstance(state, str) else None


def constraint_name(error: BaseException) -> str | None:
    """The name of the constraint or unique index that an IntegrityError is about."""
    original: Any = getattr(error, "orig", None)
    cause = getattr(original, "__cause__", None)
    name = getattr(cause, "constraint_name", None)
    return name if isinstance(name, str) else None


DATABASE_ERRORS: tuple[type[Exception], ...] = (
    SQLAlchemyError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # In connecting: refused, out of time, no route, a name that nobody knows (as that of a container
    # that has stopped).
    OSError,
)


def means_unavailable(error: BaseException) -> bool:
    """Whether the database is away, full or too busy, as opposed to a fault of ours."""
    if isinstance(error, (PoolTimeout, ConnectionError, TimeoutError, socket.gaierror)):
        return True
    if isinstance(error, OSError):
        return error.errno in _UNREACHABLE
    state = sqlstate(error)
    if state is not None:
        return state in _BUSY or state.startswith(_UNAVAILABLE_CLASSES)
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, (InterfaceError, OperationalError))
    return isinstance(error, asyncpg.InterfaceError)


def means_bad_text(error: BaseException) -> bool:
    """Whether PostgreSQL refused a character (NUL, say) that a request brought."""
    return sqlstate(error) in _BAD_TEXT
