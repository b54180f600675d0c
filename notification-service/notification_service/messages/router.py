"""``/api/v1/notifications``"""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, status

from notification_service.messages import queries, service
from notification_service.messages.schemas import (
    MessageIds,
    MissingIds,
    NotificationCreate,
    NotificationId,
    NotificationPublic,
    NotificationQuery,
)
from notification_service.problems import NotResendable
from service_kit.database.engine import SessionDep
from service_kit.problems import (
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    problem_responses,
)
from service_kit.web.auth import CurrentUser, Router, require_scope
from service_kit.web.paging import Page, PagingDep
from service_kit.web.rate_limits import limited
from service_kit.web.requests import long_body

router = Router(prefix="/api/v1/notifications", tags=["notifications"])


@router.get(
    "", summary="List one's own mails, newest first", responses=problem_responses(NotAuthenticated)
)
async def list_notifications(
    query: Annotated[NotificationQuery, Query()],
    paging: PagingDep,
    user: CurrentUser,
    session: SessionDep,
) -> Page[NotificationPublic]:
    return await queries.list_own(session, user.user_id, query, paging)


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Request a mail to a user (services only)",
    responses=problem_responses(NotAuthenticated, Forbidden),
    dependencies=[require_scope("notifications:send")],
)
@long_body
@limited("service")
async def create_notification(
    form: NotificationCreate, session: SessionDep, request: Request
) -> NotificationId:
    message = form.as_message(request.state.request_id)
    if message.fault is not None:
        raise InvalidRequest.field("data", message.fault)
    return NotificationId(id=await service.accept(session, message))


@router.post(
    "/missing",
    summary="List which messages have not arrived (services only)",
    responses=problem_responses(NotAuthenticated, Forbidden),
    dependencies=[require_scope("notifications:send")],
)
@limited("service")
async def find_missing_notifications(asked: MessageIds, session: SessionDep) -> MissingIds:
    return MissingIds(missing=await queries.list_missing(session, asked.ids))


@router.get(
    "/{notification_id}",
    summary="Show one of one's own mails",
    responses=problem_responses(NotAuthenticated, NotFound),
)
async def get_notification(
    notification_id: UUID, user: CurrentUser, session: SessionDep
) -> NotificationPublic:
    found = await queries.get_own(session, notification_id, user.user_id)
    return NotificationPublic.model_validate(found)


@router.post(
    "/{notification_id}/resend",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send one of one's own mails again",
    responses=problem_responses(NotAuthenticated, NotFound, NotResendable),
)
@limited("resend")
async def resend_notification(
    notification_id: UUID, user: CurrentUser, session: SessionDep
) -> NotificationPublic:
    queued = await service.resend(session, notification_id, user_id=user.user_id)
    return NotificationPublic.model_validate(queued)
