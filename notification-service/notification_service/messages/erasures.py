"""``POST /api/v1/notifications/erasures``"""

from uuid import UUID

from fastapi import Request, Response, status
from pydantic import BaseModel, ConfigDict

from notification_service.messages.schemas import EXAMPLE_ID
from notification_service.messages.service import erase_user
from notification_service.models import ErasedUser
from service_kit.problems import Forbidden, NotAuthenticated, problem_responses
from service_kit.web.auth import Router, require_scope
from service_kit.web.erasures import note_erasure
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/notifications", tags=["notifications"])


class Erasure(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": EXAMPLE_ID}]})

    user_id: UUID


@router.post(
    "/erasures",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Report that an account is erased (services only)",
    responses=problem_responses(NotAuthenticated, Forbidden),
    dependencies=[require_scope("users:erase")],
)
@limited("service")
async def create_erasure(erasure: Erasure, request: Request) -> Response:
    """Drops the user's unsent mails and deletes the data of all others. Safe to repeat."""
    state = request.app.state
    # The tokens are refused first, so that no later request of the user stores anything.
    async with state.database.transaction() as session:
        await note_erasure(session, ErasedUser, erasure.user_id, state=state)
    await erase_user(state.database, erasure.user_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT)
