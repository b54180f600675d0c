"""What each page is rendered in, as the request says: its language, where it is, and who asks."""

from typing import Annotated

from fastapi import Depends, Request

from event_service.deps import SettingsDep
from event_service.web.language import language_of
from event_service.web.origins import origins_for
from event_service.web.pages import Frame
from event_service.web.static import FilesDep

# The companion of a session's cookie, which scripts can read: whether there is a session.
SESSION_COMPANION = "csrf_token"


async def get_frame(request: Request, settings: SettingsDep, files: FilesDep) -> Frame:
    """Whether somebody is signed in is what the cookies say, which nobody has verified."""
    return Frame(
        files=files,
        origins=origins_for(settings, request.url.hostname or ""),
        language=language_of(request),
        is_signed_in=SESSION_COMPANION in request.cookies,
        public_url=settings.public_url,
        address=request.url.path,
        is_development=settings.is_development,
    )


FrameDep = Annotated[Frame, Depends(get_frame)]
