"""Makes the token of a link when a mail is rendered."""

from datetime import timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from auth_service.identity.credentials import can_have_password
from auth_service.identity.queries import get_user
from auth_service.mails.links import Link, address_to_verify, reset_link, verification_link
from auth_service.mails.requests import MailKind
from auth_service.problems import AddressChanged, LinkNotNeeded
from auth_service.settings import Settings
from service_kit.clock import utc_now


async def mint_link(
    session: AsyncSession,
    settings: Settings,
    user_id: UUID,
    kind: MailKind,
    *,
    recipient: str | None,
) -> Link:
    """Raises NotFound, LinkNotNeeded, or AddressChanged for a recipient without this account."""
    user = await get_user(session, user_id)
    if not user.is_active:
        raise LinkNotNeeded
    if kind == "verify-email":
        return verification_link(
            user,
            address_to_verify(user, recipient),
            secret=settings.verification_token_secret,
            lifetime=timedelta(hours=settings.verification_link_hours),
            now=utc_now(),
        )
    if not can_have_password(user):
        raise LinkNotNeeded
    if recipient not in (None, user.email):
        raise AddressChanged
    return reset_link(
        user,
        secret=settings.reset_password_token_secret,
        lifetime=timedelta(minutes=settings.reset_link_minutes),
        now=utc_now(),
    )
