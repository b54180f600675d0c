"""Dependencies that every service has in its ``deps.py``."""

from typing import Any

from fastapi import Request


async def get_settings(request: Request) -> Any:
    """The settings of the application; a service's ``SettingsDep`` names their class."""
    return request.app.state.settings
