"""Where somebody is signed in, as the person and superusers read it."""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.sessions.queries import list_live_sessions
from auth_service.sessions.schemas import SessionRead
from service_kit.clock import utc_now
from service_kit.web.paging import Page, Paging
from service_kit.web.tokens import Person


async def session_page(
    session: AsyncSession, user_id: UUID, paging: Paging, *, viewer: Person
) -> Page[SessionRead]:
    """A page of the live sessions of ``user_id``, newest first; ``is_current`` is the one that the viewer
    asks with."""
    rows, cursor = await list_live_sessions(session, user_id, paging, now=utc_now())
    items = [SessionRead.model_validate(row) for row in rows]
    for item in items:
        item.is_current = str(item.id) == viewer.session_id
    return Page(items=items, next_cursor=cursor)
