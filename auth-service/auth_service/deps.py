"""The dependencies of all handlers; those of a package's objects are in its own ``deps``.

All are ``async``: FastAPI would run a plain function in a thread, for each request.
"""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.settings import Settings
from service_kit.web.deps import get_settings


async def no_store(request: Request) -> None:
    """For responses with tokens or personal data: no cache may store them."""
    request.state.response_headers["Cache-Control"] = "no-store"


NoStore = Depends(no_store)
SettingsDep = Annotated[Settings, Depends(get_settings)]
