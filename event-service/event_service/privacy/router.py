"""``/api/v1/privacy``"""

from event_service.deps import SettingsDep
from event_service.privacy.notes import Language, PrivacyNote, privacy_note
from service_kit.web.auth import Router

router = Router(prefix="/api/v1/privacy", tags=["site"])


@router.get("", summary="Read the privacy note and whom to write to")
async def get_privacy_note(settings: SettingsDep, locale: Language = "en") -> PrivacyNote:
    return privacy_note(settings, locale)
