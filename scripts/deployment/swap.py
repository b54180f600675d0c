"""Restored databases beside those in use, and their exchange: by renaming, all at once, easily undone."""

from collections.abc import Sequence
from datetime import datetime

from deployment.postgres import Server

RESTORED = "_restored"
BEFORE = "_before_"
# The role of each service has the name of its database.
OWNERSHIP = """
    ALTER DATABASE "{new}" OWNER TO "{name}";
    REVOKE CONNECT ON DATABASE "{new}" FROM PUBLIC;
"""
END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = '{name}' AND pid <> pg_backend_pid()
"""


def restored(name: str) -> str:
    """The name of a database while it is made."""
    return f"{name}{RESTORED}"


def before(name: str, moment: datetime) -> str:
    """The name of what was in use until ``moment``."""
    return f"{name}{BEFORE}{moment:%Y%m%dt%H%M%Sz}"


def exists(server: Server, name: str) -> bool:
    return bool(server.value(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"))


def list_before(server: Server) -> list[str]:
    """Databases that earlier restores have put aside."""
    rows = server.query(
        f"SELECT datname FROM pg_database WHERE datname ~ '{BEFORE}[0-9]+t[0-9]+z$' ORDER BY 1"
    )
    return [row[0] for row in rows]


def drop(server: Server, *names: str) -> None:
    for name in names:
        server.query(
            f'SET client_min_messages = error; DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
        )


def give_to_owner(server: Server, name: str) -> None:
    """As ``deploy/postgres/init.sh`` makes it: no other service may read it."""
    server.query(OWNERSHIP.format(new=restored(name), name=name))


def put_in_use(server: Server, names: Sequence[str], moment: datetime) -> None:
    """Puts those in use aside and the restored ones in their place, in one transaction."""
    _rename(server, names, [
        (old, new)
        for name in names
        for old, new in ((name, before(name, moment)), (restored(name), name))
    ])  # fmt: skip


def take_back(server: Server, names: Sequence[str], moment: datetime) -> None:
    """Undoes ``put_in_use``, if that has happened; the restored ones are beside again."""
    moved = [name for name in names if not exists(server, restored(name))]
    _rename(server, moved, [
        (old, new)
        for name in moved
        for old, new in ((name, restored(name)), (before(name, moment), name))
    ])  # fmt: skip


def _rename(server: Server, names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> None:
    present = {row[0] for row in server.query("SELECT datname FROM pg_database")}
    renames = []
    for old, new in pairs:
        if old in present:
            renames.append(f'ALTER DATABASE "{old}" RENAME TO "{new}"')
            present = present - {old} | {new}
    ends = [END_CONNECTIONS.format(name=name) for name in (*names, *map(restored, names))]
    server.query(";\n".join([*ends, "BEGIN", *renames, "COMMIT"]))
