"""The dependencies of the handlers."""

from typing import Annotated

from fastapi import Depends

from notification_service.settings import Settings
from service_kit.web.deps import get_settings

SettingsDep = Annotated[Settings, Depends(get_settings)]
