"""Changes of one's own account. A new password or address and the erasure need the current password."""

from datetime import timedelta
from uuid import UUID

from auth_service.accounts.manager import UserManager
from auth_service.accounts.schemas import ProfileChanges
from auth_service.addresses import ascii_address
from auth_service.audit.service import Action, record
from auth_service.erasures.organizers import OrganizerClient
from auth_service.identity.credentials import void_links_and_pending_email
from auth_service.identity.queries import find_by_email, lock_user
from auth_service.mails import messages
from auth_service.models import User
from auth_service.problems import EmailTaken
from auth_service.sessions.attempts import attempt_key, count_attempt, locked_out
from auth_service.sessions.passwords import PasswordChecks
from auth_service.sessions.service import revoke_all
from service_kit.clock import utc_now
from service_kit.problems import NotAuthenticated
from service_kit.web.tokens import Person

EMAIL_CHANGE_WINDOW = timedelta(hours=1)


async def change_own_account(
    manager: UserManager, checks: PasswordChecks, principal: Person, changes: ProfileChanges
) -> User:
    """Raises BadCredentials, EmailTaken, LockedOut, NotAuthenticated, or InvalidRequest for a weak
    password or an unreachable address."""
    if changes.password is None and changes.email is None:
        user = await _lock_own_account(manager, principal.user_id)
    else:
        checked = await checks.check_own(
            principal.user_id, changes.current_password, client_info=manager.client_info
        )
        if changes.password is not None:
            await manager.prepare_password(changes.password, checked.email)
        user = await checks.accept(manager.session, checked)
    if changes.password is not None:
        await _change_password(manager, user, changes.password, principal)
    if changes.email is not None:
        await _request_email_change(manager, user, changes.email)
    other_fields = changes.model_dump(include={"full_name", "locale"}, exclude_unset=True)
    return await manager.user_db.update(user, other_fields)


async def _lock_own_account(manager: UserManager, user_id: UUID) -> User:
    user = await lock_user(manager.session, user_id)
    if user is None:
        raise NotAuthenticated
    return user


async def _change_password(
    manager: UserManager, user: User, password: str, principal: Person
) -> None:
    hashed = manager.password_helper.hash(password)
    void_links_and_pending_email(user)
    await manager.user_db.update(user, {"hashed_password": hashed})
    await revoke_all(manager.session, user.id, now=utc_now(), keep_session_id=principal.session_id)
    manager.session.add(messages.password_changed(user.id, version=user.credentials_version))
    record(
        manager.session, Action.PASSWORD_CHANGED, user_id=user.id, client_info=manager.client_info
    )


async def _request_email_change(manager: UserManager, user: User, email: str) -> None:
    """Stores the new address as pending until it is verified, and notifies the present one."""
    session, settings, now = manager.session, manager.settings, utc_now()
    if ascii_address(email) == ascii_address(user.email):
        user.pending_email = None
        return
    manager.refuse_unreachable(email)
    if await find_by_email(session, email) is not None:
        raise EmailTaken
    key = attempt_key(settings.secret_key, "email-change", str(user.id))
    count = await count_attempt(session, key, window=EMAIL_CHANGE_WINDOW, now=now)
    if count.attempts > settings.email_changes_per_hour:
        # Each request sends a mail to an address that may be a stranger's.
        raise locked_out(count, now)
    user.pending_email = email
    user.verification_mail_at = now
    topic = "user.email-change-requested.v1"
    version = user.credentials_version
    session.add(
        messages.verification_mail(
            user.id, topic=topic, address="pending", version=version, now=now
        )
    )
    session.add(messages.email_change_notice(user.id, version=version, now=now))
    record(session, Action.EMAIL_CHANGE_ASKED, user_id=user.id, client_info=manager.client_info)


async def erase_own_account(
    manager: UserManager,
    checks: PasswordChecks,
    organizers: OrganizerClient,
    user_id: UUID,
    current_password: str,
) -> None:
    """Raises BadCredentials, LockedOut, OrganizerHasEvents or Unavailable."""
    checked = await checks.check_own(user_id, current_password, client_info=manager.client_info)
    await organizers.refuse_if_has_events(user_id)
    user = await checks.accept(manager.session, checked)
    record(manager.session, Action.ERASED, user_id=user.id, client_info=manager.client_info)
    await manager.delete(user)
