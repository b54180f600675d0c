"""/users/me/sessions: the sessions of the signed-in user."""

from uuid import UUID

from auth_service.client_info import ClientInfoDep
from auth_service.deps import NoStore
from auth_service.sessions import service
from auth_service.sessions.listing import session_page
from auth_service.sessions.schemas import SessionRead
from service_kit.clock import utc_now
from service_kit.database.engine import SessionDep
from service_kit.problems import NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import CurrentUser, Router
from service_kit.web.paging import Page, PagingDep

router = Router(prefix="/api/v1/users/me/sessions", tags=["account"], dependencies=[NoStore])


@router.get("", summary="Where you are signed in", responses=problem_responses(NotAuthenticated))
async def list_sessions(
    user: CurrentUser, session: SessionDep, paging: PagingDep
) -> Page[SessionRead]:
    return await session_page(session, user.user_id, paging, viewer=user)


@router.delete(
    "",
    status_code=204,
    summary="Sign out everywhere else",
    description=(
        "Every other session ends, and with it a change of address that is not confirmed and every "
        "link in a mail."
    ),
    responses=problem_responses(NotAuthenticated),
)
async def end_other_sessions(
    user: CurrentUser, session: SessionDep, client_info: ClientInfoDep
) -> None:
    await service.sign_out_elsewhere(session, user, client_info=client_info, now=utc_now())


@router.delete(
    "/{session_id}",
    status_code=204,
    summary="End one of your sessions",
    responses=problem_responses(NotAuthenticated, NotFound),
)
async def end_session(
    session_id: UUID, user: CurrentUser, session: SessionDep, client_info: ClientInfoDep
) -> None:
    await service.revoke_own(
        session, session_id, user_id=user.user_id, client_info=client_info, now=utc_now()
    )
