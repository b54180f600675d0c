"""``/api/v1/notifications/preferences`` and the reminders' unsubscribe links"""

from typing import Annotated

from fastapi import Path, status
from starlette.responses import RedirectResponse

from notification_service.deps import SettingsDep
from notification_service.preferences import service
from notification_service.preferences.schemas import PreferencesForm
from service_kit.database.engine import SessionDep
from service_kit.problems import NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import CurrentUser, Router
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/notifications", tags=["preferences"])

Token = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]{16,64}$")]


@router.get(
    "/preferences",
    summary="Show which mails one wants",
    responses=problem_responses(NotAuthenticated),
)
async def get_preferences(user: CurrentUser, session: SessionDep) -> PreferencesForm:
    wanted = await service.wants_reminders(session, user.user_id)
    return PreferencesForm(event_reminders=wanted)


@router.put(
    "/preferences",
    summary="Choose which mails one wants",
    responses=problem_responses(NotAuthenticated),
)
async def put_preferences(
    form: PreferencesForm, user: CurrentUser, session: SessionDep
) -> PreferencesForm:
    await service.set_reminders(session, user.user_id, form.event_reminders)
    return form


@router.post(
    "/unsubscribe/{token}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Turn reminders off from within a mail (RFC 8058)",
    responses=problem_responses(NotFound),
)
@limited("unsubscribe")
async def unsubscribe(token: Token, session: SessionDep) -> None:
    await service.unsubscribe(session, token)


@router.get(
    "/unsubscribe/{token}",
    status_code=status.HTTP_303_SEE_OTHER,
    response_class=RedirectResponse,
    summary="Go to the page that asks whether reminders shall end",
    responses=problem_responses(),
)
@limited("unsubscribe")
async def open_unsubscribe_page(token: Token, settings: SettingsDep) -> str:
    # Mail programs open links before people do, which must not unsubscribe anybody.
    return f"{settings.public_url}/unsubscribe#{token}"
