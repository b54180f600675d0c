"""Tokens for the links in mails, for notification-service."""

from auth_service.deps import NoStore, SettingsDep
from auth_service.mails.schemas import LinkForm, LinkRead
from auth_service.mails.service import mint_link
from auth_service.problems import AddressChanged, LinkNotNeeded
from service_kit.database.engine import SessionDep
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router, require_scope
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/auth/links", tags=["services"], dependencies=[NoStore])


@router.post(
    "",
    status_code=201,
    summary="Create the token of a link in a mail",
    description="For services with the scope `auth:links`, when a mail is rendered.",
    dependencies=[require_scope("auth:links")],
    responses=problem_responses(
        NotAuthenticated, Forbidden, NotFound, LinkNotNeeded, AddressChanged
    ),
)
@limited("service")
async def create_link(body: LinkForm, session: SessionDep, settings: SettingsDep) -> LinkRead:
    link = await mint_link(session, settings, body.user_id, body.kind, recipient=body.email)
    return LinkRead(token=link.token, expires_at=link.expires_at)
