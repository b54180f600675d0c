"""``/api/v1/notifications/me/data``"""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from notification_service.messages.queries import list_own
from notification_service.messages.schemas import NotificationPublic, NotificationQuery
from notification_service.preferences.schemas import PreferencesForm
from notification_service.preferences.service import wants_reminders
from service_kit.database.engine import Database, DatabaseDep
from service_kit.problems import NotAuthenticated, problem_responses
from service_kit.web.auth import CurrentUser, Router
from service_kit.web.downloads import batches, json_download
from service_kit.web.paging import Paging
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/notifications/me/data", tags=["notifications"])


class NotificationData(BaseModel):
    """What notification-service knows of a person: which mails there were, and which are wanted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"preferences": {"event_reminders": True}, "notifications": []}]
        }
    )

    preferences: PreferencesForm
    notifications: list[NotificationPublic]


@router.get(
    "",
    response_model=NotificationData,
    response_class=StreamingResponse,
    summary="Download what is known of one's own mails",
    responses=problem_responses(NotAuthenticated) | {200: {"content": {"application/json": {}}}},
)
@limited("data_download")
async def download_own_notifications(user: CurrentUser, database: DatabaseDep) -> StreamingResponse:
    async with database.transaction() as session:
        wanted = await wants_reminders(session, user.user_id)
    preferences = PreferencesForm(event_reminders=wanted)
    lists = {"notifications": batches(partial(_notifications, database, user.user_id))}
    return json_download("notifications.json", {"preferences": preferences}, lists)


async def _notifications(
    database: Database, user_id: UUID, paging: Paging
) -> tuple[Sequence[Any], str | None]:
    async with database.transaction() as session:
        page = await list_own(session, user_id, NotificationQuery(), paging)
    return page.items, page.next_cursor
