"""Accounts of other people for superusers, and their contact data for services."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from auth_service.accounts import administration
from auth_service.accounts.deps import ManagerDep, OrganizersDep
from auth_service.accounts.schemas import Contact, ContactList, Profile, UserChanges, UserIds
from auth_service.addresses import MAX_ADDRESS
from auth_service.audit.queries import list_events
from auth_service.audit.schemas import AuditEventRead
from auth_service.deps import NoStore
from auth_service.identity import queries
from auth_service.identity.fields import SearchTerm
from auth_service.problems import OrganizerHasEvents
from auth_service.sessions.listing import session_page
from auth_service.sessions.schemas import SessionRead
from service_kit.database.engine import SessionDep
from service_kit.problems import Forbidden, NotAuthenticated, NotFound, problem_responses
from service_kit.web.auth import Router, Superuser, require_scope
from service_kit.web.paging import Page, PagingDep
from service_kit.web.rate_limits import limited

router = Router(prefix="/api/v1/users", tags=["administration"], dependencies=[NoStore])

NOT_YOURS = problem_responses(NotAuthenticated, Forbidden)
NOT_THERE = problem_responses(NotAuthenticated, Forbidden, NotFound)
EmailFilter = Annotated[str | None, Query(max_length=MAX_ADDRESS, description="The whole address.")]
SearchText = Annotated[
    SearchTerm | None, Query(description="A part of the address or of the name, in any case.")
]


@router.get("", summary="All accounts, newest first", responses=NOT_YOURS)
async def list_users(
    admin: Superuser,
    session: SessionDep,
    paging: PagingDep,
    email: EmailFilter = None,
    q: SearchText = None,
) -> Page[Profile]:
    users, cursor = await queries.list_users(session, paging, email=email, q=q)
    return Page(items=[Profile.model_validate(user) for user in users], next_cursor=cursor)


@router.get("/{user_id}", summary="An account", responses=NOT_THERE)
async def get_user(user_id: UUID, admin: Superuser, session: SessionDep) -> Profile:
    return Profile.model_validate(await queries.get_user(session, user_id))


@router.patch("/{user_id}", summary="Change an account", responses=NOT_THERE)
async def update_user(
    user_id: UUID, body: UserChanges, admin: Superuser, manager: ManagerDep
) -> Profile:
    user = await administration.change_account(manager, user_id, body, by=admin)
    return Profile.model_validate(user)


@router.delete(
    "/{user_id}",
    status_code=204,
    summary="Erase an account",
    responses=NOT_THERE | problem_responses(OrganizerHasEvents),
)
async def erase_user(
    user_id: UUID, admin: Superuser, manager: ManagerDep, organizers: OrganizersDep
) -> None:
    await administration.erase_account(manager, organizers, user_id, by=admin)


@router.get("/{user_id}/sessions", summary="Where somebody is signed in", responses=NOT_YOURS)
async def list_user_sessions(
    user_id: UUID, admin: Superuser, session: SessionDep, paging: PagingDep
) -> Page[SessionRead]:
    return await session_page(session, user_id, paging, viewer=admin)


@router.delete(
    "/{user_id}/sessions",
    status_code=204,
    summary="Sign somebody out everywhere",
    description="Ends a change of address that is not confirmed and every link in a mail as well.",
    responses=NOT_THERE,
)
async def end_user_sessions(user_id: UUID, admin: Superuser, manager: ManagerDep) -> None:
    await administration.end_sessions(manager, user_id, by=admin)


@router.delete(
    "/{user_id}/sessions/{session_id}",
    status_code=204,
    summary="End a session of somebody",
    responses=NOT_THERE,
)
async def end_user_session(
    user_id: UUID, session_id: UUID, admin: Superuser, manager: ManagerDep
) -> None:
    await administration.end_sessions(manager, user_id, session_id, by=admin)


@router.get("/{user_id}/audit-events", summary="Audit events of an account", responses=NOT_YOURS)
async def list_audit_events(
    user_id: UUID, admin: Superuser, session: SessionDep, paging: PagingDep
) -> Page[AuditEventRead]:
    events, cursor = await list_events(session, user_id, paging)
    return Page(
        items=[AuditEventRead.model_validate(event) for event in events], next_cursor=cursor
    )


@router.get(
    "/{user_id}/contact",
    summary="Contact data of an account",
    description="For services with the scope `users:contact`.",
    dependencies=[require_scope("users:contact")],
    responses=NOT_THERE,
)
@limited("service")
async def get_contact(user_id: UUID, session: SessionDep) -> Contact:
    return Contact.model_validate(await queries.get_user(session, user_id), from_attributes=True)


@router.post(
    "/contacts",
    summary="Contact data of several accounts",
    description="For services with the scope `users:contact`.",
    dependencies=[require_scope("users:contact")],
    responses=NOT_YOURS,
)
@limited("service")
async def list_contacts(asked: UserIds, session: SessionDep) -> ContactList:
    users = await queries.list_by_ids(session, asked.ids)
    return ContactList(
        contacts=[Contact.model_validate(user, from_attributes=True) for user in users]
    )
