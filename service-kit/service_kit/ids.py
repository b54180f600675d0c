"""Identifiers: UUIDv7 (RFC 9562), so that a primary key's index grows at one end only."""

import re
from uuid import UUID

import uuid_utils.compat

REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


def new_id() -> UUID:
    return uuid_utils.compat.uuid7()


def request_id_from(header: str | None) -> str:
    """The caller's request id if it is a sane token, else a new one."""
    if header and REQUEST_ID.fullmatch(header):
        return header
    return str(new_id())
