"""What a superuser can change of other people's accounts."""

from uuid import UUID

from auth_service.accounts.manager import UserManager
from auth_service.accounts.schemas import UserChanges
from auth_service.audit.service import Action, record
from auth_service.erasures.organizers import OrganizerClient
from auth_service.identity.credentials import void_links_and_pending_email
from auth_service.identity.queries import lock_user
from auth_service.mails import messages
from auth_service.models import User
from auth_service.sessions.queries import lock_session
from auth_service.sessions.service import revoke_all
from service_kit.clock import utc_now
from service_kit.problems import Forbidden, NotFound
from service_kit.web.tokens import Principal


async def change_account(
    manager: UserManager, user_id: UUID, changes: UserChanges, *, by: Principal
) -> User:
    """Raises NotFound, or Forbidden for one's own role: the last superuser must not vanish."""
    user = await _lock(manager, user_id)
    new_values = changes.model_dump(exclude_unset=True)
    changed = {name: value for name, value in new_values.items() if getattr(user, name) != value}
    if user_id == by.user_id and {"is_superuser", "is_active"} & set(changed):
        raise Forbidden("Another superuser must do this.")
    if not changed:
        return user
    role = changed.get("is_superuser")
    record(
        manager.session,
        Action.CHANGED_BY_ADMIN if role is None else Action.ROLE_CHANGED,
        user_id=user_id,
        client_info=manager.client_info,
        actor=by.id,
        # Names of the changed fields, and values only of booleans: never text of a person.
        details={k: v if isinstance(v, bool) else None for k, v in sorted(changed.items())},
    )
    if changed.get("is_active") is False:
        void_links_and_pending_email(user)
        await revoke_all(manager.session, user_id, now=utc_now())
    if changed.get("is_verified"):
        manager.session.add(messages.address_confirmed(user_id))
    return await manager.user_db.update(user, changed)


async def end_sessions(
    manager: UserManager, user_id: UUID, session_id: UUID | None = None, *, by: Principal
) -> None:
    """Ends one session of an account; with None all of them, and with these its links in mails and its
    pending address. Raises NotFound."""
    user = await _lock(manager, user_id)
    now = utc_now()
    if session_id is None:
        void_links_and_pending_email(user)
        await revoke_all(manager.session, user_id, now=now)
    else:
        row = await lock_session(manager.session, session_id)
        if row is None or row.user_id != user_id:
            raise NotFound
        if row.revoked_at is not None:
            return
        row.revoked_at = now
    record(
        manager.session,
        Action.SIGNED_OUT_BY_ADMIN,
        user_id=user_id,
        client_info=manager.client_info,
        actor=by.id,
        details={"all": session_id is None},
    )


async def erase_account(
    manager: UserManager, organizers: OrganizerClient, user_id: UUID, *, by: Principal
) -> None:
    """Raises Forbidden, OrganizerHasEvents, Unavailable or NotFound."""
    if user_id == by.user_id:
        raise Forbidden("Your own account is erased at /users/me.")
    await organizers.refuse_if_has_events(user_id)
    user = await _lock(manager, user_id)
    record(
        manager.session,
        Action.ERASED,
        user_id=user_id,
        client_info=manager.client_info,
        actor=by.id,
    )
    await manager.delete(user)


async def _lock(manager: UserManager, user_id: UUID) -> User:
    user = await lock_user(manager.session, user_id)
    if user is None:
        raise NotFound
    return user
