"""``/api/v1/users/me/data``"""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from auth_service.accounts.deps import CurrentAccount
from auth_service.accounts.schemas import Profile
from auth_service.audit import queries as audit
from auth_service.audit.schemas import AuditEventRead
from auth_service.deps import NoStore
from auth_service.sessions import queries as sessions
from auth_service.sessions.schemas import SessionRead
from service_kit.clock import utc_now
from service_kit.database.engine import Database, DatabaseDep
from service_kit.problems import NotAuthenticated, problem_responses
from service_kit.web.auth import Router
from service_kit.web.downloads import batches, json_download
from service_kit.web.paging import Paging
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/users/me/data", tags=["account"], dependencies=[NoStore])


class AccountData(BaseModel):
    """What auth-service knows of an account. Passwords and tokens are hashes, which nobody can read."""

    account: Profile
    sessions: list[SessionRead]
    audit_events: list[AuditEventRead]


@router.get(
    "",
    response_model=AccountData,
    response_class=StreamingResponse,
    summary="Download what is known of your account",
    responses=problem_responses(NotAuthenticated) | {200: {"content": {"application/json": {}}}},
)
@limited("data_download")
async def download_own_account(user: CurrentAccount, database: DatabaseDep) -> StreamingResponse:
    lists = {
        "sessions": batches(partial(_sessions, database, user.id)),
        "audit_events": batches(partial(_audit_events, database, user.id)),
    }
    return json_download("account.json", {"account": Profile.model_validate(user)}, lists)


async def _sessions(
    database: Database, user_id: UUID, paging: Paging
) -> tuple[Sequence[Any], str | None]:
    async with database.transaction() as session:
        rows, cursor = await sessions.list_live_sessions(session, user_id, paging, now=utc_now())
        return [SessionRead.model_validate(row) for row in rows], cursor


async def _audit_events(
    database: Database, user_id: UUID, paging: Paging
) -> tuple[Sequence[Any], str | None]:
    async with database.transaction() as session:
        rows, cursor = await audit.list_events(session, user_id, paging)
        return [AuditEventRead.model_validate(row) for row in rows], cursor
