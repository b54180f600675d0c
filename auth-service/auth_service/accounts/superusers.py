"""The first superuser of a new host, made by a command: nobody could promote them in the page."""

import secrets

from auth_service.addresses import InvalidAddress, parse_address
from auth_service.audit.service import Action, record
from auth_service.client_info import ClientInfo
from auth_service.identity.credentials import can_have_password
from auth_service.identity.hashing import Hasher
from auth_service.identity.passwords import weakness
from auth_service.identity.queries import find_by_email
from auth_service.mails.messages import reset_mail
from auth_service.models import User
from auth_service.settings import Settings
from service_kit.clock import utc_now
from service_kit.database.cli import CommandFailed
from service_kit.database.engine import Database


async def make_superuser(
    database: Database, settings: Settings, email: str, password: str | None, *, actor: str
) -> str:
    """Makes an account that is a superuser, or promotes the one that is there; a line for people.

    A new account has ``password``; without one its owner gets a mail with a link to choose it. Raises
    CommandFailed, also for an account whose address nobody has confirmed: it may be a stranger's.
    """
    try:
        address = parse_address(email).display
    except InvalidAddress as error:
        raise CommandFailed(f"{email} {error}") from None
    if password is not None and (problem := weakness(password, address)):
        raise CommandFailed(f"another password, please. {problem}")
    hashed = await _hash(settings, password)
    async with database.transaction() as session:
        user = await find_by_email(session, address)
        if user is None:
            user = _new_user(address, hashed)
            session.add(user)
            await session.flush()
            record(
                session, Action.REGISTERED, user_id=user.id, client_info=ClientInfo(), actor=actor
            )
            told = "can sign in with the password that you gave"
            if password is None:
                now = utc_now()
                user.reset_mail_at = now
                session.add(reset_mail(user.id, now=now))
                told = "gets a mail with a link to choose a password"
        elif not can_have_password(user):
            raise CommandFailed(f"{address} is the smoke test's account; give another address")
        elif not user.is_verified:
            raise CommandFailed(
                f"somebody has registered with {address} and not confirmed it. It may be a stranger, whose"
                " password it is: choose a new one by the sign-in page's link for a forgotten one, and run"
                " this again"
            )
        else:
            told = "keeps the password of before; the page's sign-in has a link for a new one"
        if not user.is_superuser:
            user.is_superuser, user.updated_at = True, utc_now()
            details = {"is_superuser": True}
            record(
                session,
                Action.ROLE_CHANGED,
                user_id=user.id,
                client_info=ClientInfo(),
                actor=actor,
                details=details,
            )
    return f"{address} is a superuser, and {told}"


def _new_user(address: str, hashed: str) -> User:
    """Verified: whoever has a shell on the host has named the address."""
    return User(email=address, hashed_password=hashed, is_verified=True)


async def _hash(settings: Settings, password: str | None) -> str:
    """Of one that nobody knows, if there is none."""
    hasher = Hasher(settings)
    try:
        return await hasher.hash(secrets.token_urlsafe(32) if password is None else password)
    finally:
        hasher.close()
