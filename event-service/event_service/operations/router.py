"""``/api/v1/operations/status``, for superusers."""

from fastapi import Request

from event_service.operations.status import SystemStatus, read_status
from service_kit.problems import Forbidden, NotAuthenticated, problem_responses
from service_kit.web.auth import Router, Superuser

router = Router(prefix="/api/v1/operations", tags=["administration"])


@router.get(
    "/status",
    summary="Ask the three services whether they are ready and what waits (superusers only)",
    responses=problem_responses(NotAuthenticated, Forbidden),
)
async def get_status(user: Superuser, request: Request) -> SystemStatus:
    return await read_status(request.app)
