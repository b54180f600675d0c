"""``/api/v1/notifications/failures``, for superusers."""

from uuid import UUID

from fastapi import status

from notification_service.messages import failures
from notification_service.messages.schemas import FailurePublic, NotificationPublic
from notification_service.problems import NotResendable
from service_kit.database.engine import SessionDep
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router, Superuser
from service_kit.web.paging import Page, PagingDep
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/notifications/failures", tags=["failures"])


@router.get(
    "",
    summary="List the mails of everybody that could not be sent (superusers only)",
    responses=problem_responses(NotAuthenticated, Forbidden),
)
async def list_failures(
    paging: PagingDep, user: Superuser, session: SessionDep
) -> Page[FailurePublic]:
    return await failures.list_failures(session, paging)


@router.post(
    "/{notification_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Queue a failed mail again (superusers only)",
    responses=problem_responses(NotAuthenticated, Forbidden, NotFound, NotResendable),
)
@limited("retry")
async def retry_failure(
    notification_id: UUID, user: Superuser, session: SessionDep
) -> NotificationPublic:
    queued = await failures.retry_failure(session, notification_id, by=user.user_id)
    return NotificationPublic.model_validate(queued)
