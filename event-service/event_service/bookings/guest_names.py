"""What a guest is called: at first as the access token says, then as the guest says."""

import unicodedata
from typing import Annotated
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.erased_users import refuse_erased
from event_service.models import Booking
from service_kit.database.engine import affected_rows
from service_kit.problems import NotFound
from service_kit.text import (
    CONTROL_CATEGORIES,
    DIRECTION_CHARACTERS,
    Line,
    has_long_combining_run,
    is_invisible,
)

# As auth-service has it for ``full_name``.
MAX_GUEST_NAME = 200

GuestName = Annotated[str, Line(MAX_GUEST_NAME, min_length=0)]


def clean_guest_name(name: str | None) -> str | None:
    """The name in an access token as a line of text that others may read: shortened, without control
    characters. None if nothing of it can be seen."""
    if not name:
        return None
    name = name[:MAX_GUEST_NAME]
    if not (name.isascii() and name.isprintable()):
        if has_long_combining_run(name):
            return None
        name = "".join(" " if _is_refused(character) else character for character in name)
        name = unicodedata.normalize("NFC", name)[:MAX_GUEST_NAME]
    name = name.strip()
    return None if is_invisible(name) else name


def _is_refused(character: str) -> bool:
    return (
        character in DIRECTION_CHARACTERS or unicodedata.category(character) in CONTROL_CATEGORIES
    )


async def set_guest_name(
    session: AsyncSession, booking_id: UUID, name: str | None, *, by: UUID
) -> None:
    """Names the guest of a person's own booking. Raises NotFound for other people's."""
    await refuse_erased(session, by)
    changed = await session.execute(
        update(Booking)
        .where(col(Booking.id) == booking_id, col(Booking.user_id) == by)
        .values(guest_name=name or None)
        .execution_options(synchronize_session=False)
    )
    if not affected_rows(changed):
        raise NotFound
