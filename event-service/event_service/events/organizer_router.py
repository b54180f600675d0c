"""``/api/v1/events/{event_id}/messages``"""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response, status
from pydantic import TypeAdapter, ValidationError

from event_service.deps import CurrentUser, IdempotencyKeyHeader
from event_service.events import organizer_messages
from event_service.events.organizer_messages import MessageSent, OrganizerMessageCreate
from service_kit.database.engine import SessionDep
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router
from service_kit.web.rate_limits import limited

_flag = TypeAdapter(bool)
router = Router(prefix="/api/v1/events/{event_id}/messages", tags=["events"])


def message_limit(request: Request) -> str:
    """Messages are few. Looking at one is no message, and costs what a change of the event does."""
    try:
        is_preview = _flag.validate_python(request.query_params.get("preview", "false"))
    except ValidationError:
        is_preview = False
    return "event_write" if is_preview else "organizer_message"


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    response_model_exclude_none=True,
    summary="Write to all guests of an event, or see what they would read",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound)
    | {200: {"description": "A preview; nothing was sent.", "model": MessageSent}},
)
@limited(message_limit)
async def send_organizer_message(
    event_id: UUID,
    message: OrganizerMessageCreate,
    user: CurrentUser,
    session: SessionDep,
    response: Response,
    key: IdempotencyKeyHeader = None,
    preview: Annotated[bool, Query(description="Answers with 200 and sends nothing.")] = False,
) -> MessageSent:
    """With ``Idempotency-Key``, the same message again is sent to nobody twice."""
    if preview:
        response.status_code = status.HTTP_200_OK
        return await organizer_messages.preview_for_guests(session, event_id, message, by=user)
    return await organizer_messages.send_to_guests(session, event_id, message, by=user, key=key)
